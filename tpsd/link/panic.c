/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panic mode that people ask for at the SMS (R157): what an answer to `wanted` says of it goes to
 * `control`, which has it at once and keeps it over restarts, whatever becomes of `link` or the
 * SMS. The first answer of an SMS always goes there, so that nothing of another one stays.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

enum { FULL_RETRY_MS = 500 };

static int send(struct link *link, uint64_t number, const char *steps)
{
	struct ipc_channel *control = proc_peer(link->proc, IPC_CONTROL, 0);
	struct ipc_message msg = {.type = IPC_PANIC};

	msg.panic.number = number;
	msg.panic.steps = (struct ipc_bytes){(const uint8_t *)steps, (uint32_t)strlen(steps)};
	return control ? ipc_send(control, &msg) : SL_ECLOSED;
}

static void hand_over(struct link *link);

static void on_timer(struct loop_timer *timer)
{
	hand_over((struct link *)(void *)((char *)timer - offsetof(struct link, panic.timer)));
}

/* A `control` that is not there gets it when it comes up. */
static void hand_over(struct link *link)
{
	struct panicked *p = &link->panic;
	int rc = send(link, p->number, p->steps);

	if (rc != 0 && rc != SL_ECLOSED)
		(void)loop_timer_set(link->proc->loop, &p->timer, FULL_RETRY_MS * CLOCK_NS_PER_MS,
		                     on_timer);
}

int panic_take(struct link *link, const json_t *wanted, bool *ret_first)
{
	struct panicked *p = &link->panic;
	bool first = !p->heard;
	uint64_t number = 0;
	char *steps = NULL;
	int rc = answer_panic(wanted, clock_wall_us(), &number, &steps);

	if (rc != 0)
		return rc;
	*ret_first = first;
	p->heard = true;
	p->has_row = json_object_get(wanted, "panic") != NULL;
	if (!first && number == p->number) {
		free(steps);
		return 0;
	}
	free(p->steps);
	p->steps = steps;
	p->number = number;
	p->done = false;
	hand_over(link);
	return 0;
}

void panic_on_done(struct link *link, const struct ipc_panic_done *msg)
{
	struct panicked *p = &link->panic;

	if (!p->heard || msg->number != p->number)
		return;
	p->done = msg->status == 0;
	if (msg->status != 0)
		log_error("SMS: panic mode is not as it asks: %s", err_text(msg->status));
	tell(link);
}

void panic_forget(struct link *link)
{
	if (send(link, 0, "[]") != 0)
		log_error("control was not told that the SMS asks for no panic mode any more");
}

void panic_control_up(struct link *link)
{
	if (!link->record.address[0] || link->record.revoked)
		panic_forget(link);
	else if (link->panic.steps)
		hand_over(link);
}

void panic_stop(struct link *link)
{
	struct panicked *p = &link->panic;

	loop_timer_cancel(&p->timer);
	free(p->steps);
	*p = (struct panicked){.heard = false};
}
