/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sms keeps between two calls: which server, what verifies its certificate, and the session.
 * One file, $XDG_STATE_HOME/sluice/sms.json (~/.local/state without it), of its owner alone.
 */
#pragma once

#include "lib/base/attr.h"
#include "sms/link.h"

enum { STATE_URL_MAX = 256, STATE_CA_MAX = 4096, STATE_PATH_MAX = 4096 };

struct sms_state {
	char server[STATE_URL_MAX]; /* "" when there is none, as all of these */
	char ca[STATE_CA_MAX];      /* absolute path */
	char pin[LINK_PIN_MAX];
	char cookie[LINK_COOKIE_MAX];
	char csrf[LINK_COOKIE_MAX];
};

/* All empty when there is no file. SL_EPERM: others may read it; SL_EMALFORMED; SL_ESYS. `why` has
 * the path and what is the matter. */
int state_load(struct sms_state *ret_state, char why[LINK_TEXT_MAX]) SL_NONNULL(1, 2) SL_MUST;

/* In one step, so that a file is whole or the one before. */
int state_save(const struct sms_state *state, char why[LINK_TEXT_MAX]) SL_NONNULL(1, 2) SL_MUST;

void state_wipe(struct sms_state *state) SL_NONNULL(1);
