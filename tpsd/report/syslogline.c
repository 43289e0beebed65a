/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/report/syslogline.h"

#include <stdio.h>

#include "lib/base/log.h"
#include "lib/event/event.h"

/* One a process, like the log itself. */
static struct {
	struct ring *ring;
	char ident[32];
	struct event_line line; /* too large for the stack of whoever logs */
} state;

static void sink(void *arg, enum log_level level, const char *text)
{
	(void)fprintf(stderr, "%s: %s: %s\n", state.ident, log_level_name(level), text);
	if (level == LOG_LEVEL_DEBUG)
		return;
	event_begin(&state.line, EVENT_SYSTEM, "system");
	event_text(&state.line, "severity", log_level_name(level));
	event_text(&state.line, "process", state.ident);
	event_text(&state.line, "message", text);
	(void)event_end(&state.line, state.ring);
}

void report_log_to_ring(struct ring *ring, const char *ident)
{
	state.ring = ring;
	(void)snprintf(state.ident, sizeof(state.ident), "%s", ident);
	log_set_sink(sink, NULL);
}
