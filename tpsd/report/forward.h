/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands to the other processes: COMMAND out, ANSWER back, pieces and processes put together.
 * `control`.
 */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/cli/command.h"
#include "lib/ipc/message.h"

struct control;
struct forward;
struct request;

enum {
	FORWARD_OPEN_MAX = 128,
	FORWARD_TIMEOUT_S = 5,
	FORWARD_LINK_S = 50, /* of `link`, which asks the SMS */
};

/*
 * All answers of a call: `data` is a list when the answers were lists, the sum of their members
 * when they were objects of numbers, else the last one; owned by the caller of `fn` after it.
 * `status` is the first error, `missing` names processes that did not answer ("" when all did).
 */
typedef void forward_done_fn(void *arg, int status, const char *missing, const json_t *data);

int forward_open(struct control *control, struct forward **ret_forward) SL_NONNULL(1, 2) SL_MUST;
void forward_close(struct forward *forward);

/*
 * Sends `name` with `arguments` to the processes of `where` that are up; `fn` is called once, never
 * from here. SL_ECLOSED when none is up, SL_ELIMIT when too many calls are open.
 */
int forward_call(struct control *control, enum cli_where where, const char *name,
                 const json_t *arguments, unsigned timeout_s, forward_done_fn *fn, void *arg)
        SL_NONNULL(1, 3, 6) SL_MUST;

/* A call whose answer nobody waits for. */
void forward_tell(struct control *control, enum cli_where where, const char *name,
                  const json_t *arguments) SL_NONNULL(1, 3);

/* Runs a request whose command belongs to other processes, and answers it. */
void forward_request(struct request *request) SL_NONNULL(1);

/* From control's ops. */
void forward_on_answer(struct control *control, enum ipc_role role, unsigned index,
                       const struct ipc_answer *answer) SL_NONNULL(1, 4);
void forward_on_peer_down(struct control *control, enum ipc_role role, unsigned index)
        SL_NONNULL(1);
