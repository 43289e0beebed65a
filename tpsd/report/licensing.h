/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this device may do (R36-R40): the licence that was installed, STATE/licence, held against
 * the authority's keys (device.licence_keys) and the clock, once a minute and whenever one of them
 * changes. Without an authority everything is allowed. What is denied is told to wire and workers:
 * new flows pass as with panic's second step, open sessions go on. How many processes may inspect
 * is kept in STATE/licence-workers for the next start. docs/internals/control.md.
 *
 * The time that counts is the latest that was seen (STATE/licence-seen, by the hour), so that a
 * clock that is set back gives nobody a longer licence. Whoever installs a licence by hand says
 * that the clock is right. `control`.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/ipc/message.h"
#include "lib/licence/licence.h"

struct config;
struct control;
struct licensing;

int licensing_open(struct control *control, struct licensing **ret_licensing)
        SL_NONNULL(1, 2) SL_MUST;
void licensing_close(struct licensing *licensing);

/* Processes that may inspect, as control last found them licensed; 0: no bound is known. For
 * parent, before it forks: it reads a number and no licence. */
unsigned licensing_workers(const char *state_dir) SL_NONNULL(1);

/* A configuration is about to come into force: its authority and the device's name count from here
 * on. Before the COMMIT, so that nothing is taken that may not be. */
void licensing_configure(struct licensing *licensing, const struct config *config) SL_NONNULL(1, 2);

bool licensing_denies(const struct licensing *licensing, enum licence_capability capability)
        SL_NONNULL(1);
const struct licence_verdict *licensing_verdict(const struct licensing *licensing,
                                                enum licence_capability capability) SL_NONNULL(1);

/*
 * {authority, device, capabilities: [{capability, state, source, until, text}], package: {name,
 * version, sha256, names}, text}: the last two where there is a licence, and where there is
 * something to say of it.
 */
json_t *licensing_describe(const struct licensing *licensing) SL_NONNULL(1) SL_MUST;

/* The same as if this package were installed. As licence_open; also SL_ENOENT: it does not name
 * this device, and the text says whom. */
int licensing_check(const struct licensing *licensing, const void *package, size_t len,
                    json_t **ret_description, struct pki_error *err) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* Takes it in the place of the one that is here. `by_hand`: it must name this device, and the clock
 * is believed again; else it is the SMS's, which has one for all its devices. As
 * licensing_check; also SL_ESYS: it cannot be kept, and nothing has changed. */
int licensing_install(struct licensing *licensing, const void *package, size_t len, bool by_hand,
                      struct pki_error *err) SL_NONNULL(1, 2, 5) SL_MUST;

/* A process came up. */
void licensing_peer_up(struct licensing *licensing, enum ipc_role role) SL_NONNULL(1);
