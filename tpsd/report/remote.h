/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that `link` brings from the SMS (docs/internals/link.md): applied as a person's are,
 * with a confirmation that `link` gives when all is well. And what `link` hears: the document in
 * force, whoever brought it; how far events are on the disk, and their files to read. `control`.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/ipc/message.h"

struct control;
struct remote;

int remote_open(struct control *control, struct remote **ret_remote) SL_NONNULL(1, 2) SL_MUST;
void remote_close(struct remote *remote);

/* A sealed memfd with JSON; DOCUMENT_DONE answers it, SL_EBUSY while another one is being applied.
 */
void remote_on_document(struct control *control, const struct ipc_document *msg, int fd)
        SL_NONNULL(1, 2);
/* Keeps the document in force, if it is the one that is meant and waits for it. */
void remote_on_confirm(struct control *control, const struct ipc_confirm *msg) SL_NONNULL(1, 2);

/* A sealed memfd with a licence: kept if it is good, and answered. */
void remote_on_licence(struct control *control, const struct ipc_licence *msg, int fd)
        SL_NONNULL(1, 2);

/* What became of a licence; NULL: of none, the device may something else than before. */
struct remote_taken {
	int status;
	const char *text;
	struct ipc_bytes sha256;
};
void remote_licences(struct control *control, const struct remote_taken *taken) SL_NONNULL(1);

/* Tells `link`, if it is there, what is in force. */
void remote_in_force(struct control *control) SL_NONNULL(1);

/* Tells `link` how far the files of events are on the disk, when that has moved. */
void remote_events(struct control *control) SL_NONNULL(1);
/* It is there anew, and knows nothing. */
void remote_link_up(struct control *control) SL_NONNULL(1);
void remote_on_file_wanted(struct control *control, const struct ipc_event_file_wanted *msg)
        SL_NONNULL(1, 2);
