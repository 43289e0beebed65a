/* SPDX-License-Identifier: Apache-2.0 */
/* Counters to the SMS: a second's look at them, and a call when a minute is over; what of them the
 * status says is told when it changes. */
#include <string.h>
#include <sys/random.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/event/counter.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

enum { SPREAD_MS = 3000 }; /* devices whose clocks are right do not all call at once */

static uint64_t sum(const struct link *link, enum counter counter)
{
	return counter_sum(link->proc->counter_file, counter);
}

/* Each session ends in one of five ways, so what is seen is what became of them. */
static void read_counters(const struct link *link, uint64_t values[MINUTES_END])
{
	values[MINUTES_inspected] = sum(link, COUNTER_inspected);
	values[MINUTES_bypassed] = sum(link, COUNTER_bypassed);
	values[MINUTES_blocked] = sum(link, COUNTER_blocked);
	values[MINUTES_seen] = values[MINUTES_inspected] + values[MINUTES_bypassed] +
	                       values[MINUTES_blocked] + sum(link, COUNTER_not_decrypted) +
	                       sum(link, COUNTER_not_inspected);
	values[MINUTES_new] = sum(link, COUNTER_accepted);
	values[MINUTES_bytes] =
	        sum(link, COUNTER_bytes_to_server) + sum(link, COUNTER_bytes_to_client);
	values[MINUTES_bytes_inspected] = sum(link, COUNTER_bytes_inspected);
	values[MINUTES_active] = sum(link, COUNTER_active);
}

static void on_send(struct loop_timer *timer);

static void after_ns(struct link *link, uint64_t ns)
{
	(void)loop_timer_set(link->proc->loop, &link->count.timer, ns, on_send);
}

static void on_counted(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct count *c = &link->count;
	struct answer answer;

	c->call = NULL;
	if (!link_take(link, REMOTE_COUNTERS, in, &answer))
		return;
	if (answer.status == 0) {
		c->failures = 0;
		minutes_drop(&c->minutes, c->sent);
	} else {
		if (c->failures == 0)
			log_warning("SMS: counters: %s; tried again", answer.text);
		after_ns(link, link_wait_ns(c->failures++, in->retry_after_s));
	}
	answer_fini(&answer);
}

static void on_send(struct loop_timer *timer)
{
	struct link *link =
	        (struct link *)(void *)((char *)timer - offsetof(struct link, count.timer));
	struct count *c = &link->count;
	json_t *body;
	int rc;

	if (c->call || c->minutes.count == 0)
		return;
	c->sent = c->minutes.over[c->minutes.count - 1].minute;
	body = minutes_json(&c->minutes);
	rc = body ? link_call(link, REMOTE_COUNTERS, "", body, LINK_CALL_S, false, on_counted,
	                      &c->call)
	          : SL_ENOMEM;
	if (rc != 0)
		after_ns(link, link_backoff_ns(c->failures++));
}

static uint64_t spread_ns(void)
{
	uint16_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	return SPREAD_MS * CLOCK_NS_PER_MS / UINT16_MAX * random;
}

static void on_second(struct loop_timer *timer)
{
	struct link *link =
	        (struct link *)(void *)((char *)timer - offsetof(struct link, count.second));
	uint64_t values[MINUTES_END];

	read_counters(link, values);
	if (minutes_sample(&link->count.minutes, clock_wall_us() / 1000, values) &&
	    !link->count.call && !loop_timer_is_set(&link->count.timer))
		after_ns(link, spread_ns());
	tell_if_changed(link);
	(void)loop_timer_set(link->proc->loop, timer, CLOCK_NS_PER_S, on_second);
}

void count_start(struct link *link)
{
	link->count.failures = 0;
	on_second(&link->count.second);
	if (link->count.minutes.count > 0)
		after_ns(link, spread_ns());
}

/* What was counted stays: the next SMS may have it. */
void count_stop(struct link *link)
{
	loop_timer_cancel(&link->count.second);
	loop_timer_cancel(&link->count.timer);
	https_cancel(link->count.call);
	link->count.call = NULL;
	link->count.minutes.begun = false;
}
