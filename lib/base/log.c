/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { LOG_LINE_MAX = 1024 };

static struct {
	const char *ident;
	enum log_level threshold;
	log_sink_fn *sink;
	void *arg;
} state = {.ident = "sluice", .threshold = LOG_LEVEL_INFO};

void log_open(const char *ident, enum log_level threshold)
{
	state.ident = ident;
	state.threshold = threshold;
}

void log_set_sink(log_sink_fn *sink, void *arg)
{
	state.sink = sink;
	state.arg = arg;
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {"critical", "error", "warning", "info", "debug"};

	return (unsigned)level < SL_ARRAY_LEN(names) ? names[level] : "unknown";
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	int saved = errno;
	va_list ap;

	if (level > state.threshold)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (state.sink)
		state.sink(state.arg, level, line);
	else
		(void)fprintf(stderr, "%s: %s: %s\n", state.ident, log_level_name(level), line);
	errno = saved;
}
