/* SPDX-License-Identifier: Apache-2.0 */
/* A circle of minutes for each series. */
#include "tpsd/report/traffic.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/event/counter.h"
#include "tpsd/report/control.h"

enum { SECONDS_A_MINUTE = 60 };

static const struct {
	const char *name;
	enum counter counter;
} series[] = {
        {"seen", COUNTER_accepted},
        {"inspected", COUNTER_established},
        {"bypassed", COUNTER_bypassed},
        {"blocked", COUNTER_blocked},
};

struct traffic {
	struct control *control;
	struct loop_timer timer;
	unsigned seconds;
	size_t count; /* minutes seen */
	uint64_t before[SL_ARRAY_LEN(series)];
	uint64_t minutes[SL_ARRAY_LEN(series)][TRAFFIC_MINUTES];
	struct traffic_peaks peaks;
};

static uint64_t now_of(const struct traffic *t, size_t i)
{
	return counter_sum(t->control->proc->counter_file, series[i].counter);
}

static void end_minute(struct traffic *t)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(series); i++) {
		uint64_t now = now_of(t, i);

		t->minutes[i][t->count % TRAFFIC_MINUTES] = now - t->before[i];
		t->before[i] = now;
	}
	t->peaks.minute_now = t->minutes[0][t->count % TRAFFIC_MINUTES];
	t->peaks.minute = SL_MAX(t->peaks.minute, t->peaks.minute_now);
	t->count++;
}

static void on_second(struct loop_timer *timer)
{
	struct traffic *t =
	        (struct traffic *)(void *)((char *)timer - offsetof(struct traffic, timer));
	uint64_t active = counter_sum(t->control->proc->counter_file, COUNTER_active);

	t->peaks.active = SL_MAX(t->peaks.active, active);
	if (++t->seconds % SECONDS_A_MINUTE == 0)
		end_minute(t);
	(void)loop_timer_set(timer->loop, timer, CLOCK_NS_PER_S, on_second);
}

int traffic_open(struct control *control, struct traffic **ret_traffic)
{
	struct traffic *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return SL_ENOMEM;
	t->control = control;
	for (size_t i = 0; i < SL_ARRAY_LEN(series); i++)
		t->before[i] = now_of(t, i);
	rc = loop_timer_set(control->proc->loop, &t->timer, CLOCK_NS_PER_S, on_second);
	if (rc != 0) {
		free(t);
		return rc;
	}
	*ret_traffic = t;
	return 0;
}

void traffic_close(struct traffic *traffic)
{
	if (!traffic)
		return;
	loop_timer_cancel(&traffic->timer);
	free(traffic);
}

const struct traffic_peaks *traffic_peaks(const struct traffic *traffic)
{
	return &traffic->peaks;
}

/* Whole minutes, and the one that runs as the last. */
json_t *traffic_describe(const struct traffic *traffic)
{
	const struct traffic *t = traffic;
	size_t n = SL_MIN(t->count, (size_t)TRAFFIC_MINUTES - 1);
	json_t *all = json_object();

	for (size_t i = 0; i < SL_ARRAY_LEN(series); i++) {
		uint64_t running = now_of(t, i) - t->before[i];
		json_t *minutes = json_array();

		for (size_t m = t->count - n; m < t->count; m++)
			(void)json_array_append_new(
			        minutes,
			        json_integer((json_int_t)t->minutes[i][m % TRAFFIC_MINUTES]));
		(void)json_array_append_new(minutes, json_integer((json_int_t)running));
		(void)json_object_set_new(
		        all, series[i].name,
		        json_pack("{s:o,s:I,s:I}", "minutes", minutes, "last_minute",
		                  (json_int_t)(n ? t->minutes[i][(t->count - 1) % TRAFFIC_MINUTES]
		                                 : running),
		                  "total", (json_int_t)now_of(t, i)));
	}
	(void)json_object_set_new(all, "active",
	                          json_integer((json_int_t)counter_sum(
	                                  t->control->proc->counter_file, COUNTER_active)));
	return all;
}
