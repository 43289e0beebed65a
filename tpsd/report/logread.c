/* SPDX-License-Identifier: Apache-2.0 */
/* Event files read back, bounded. */
#include "tpsd/report/logread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/err.h"

enum { PATH_SIZE = 600 };

int log_filter_parse(const char *text, struct log_filter *ret_filter)
{
	const char *equals = text ? strchr(text, '=') : NULL;
	size_t key = equals ? (size_t)(equals - text) : 0;
	const char *value = equals ? equals + 1 : text ? text : "";

	if (key >= LOG_FILTER_KEY_MAX || strlen(value) >= LOG_FILTER_VALUE_MAX ||
	    (equals && key == 0))
		return SL_EINVAL;
	memset(ret_filter, 0, sizeof(*ret_filter));
	if (key > 0)
		memcpy(ret_filter->key, text, key);
	memcpy(ret_filter->value, value, strlen(value));
	return 0;
}

static bool scalar_text(const json_t *value, char text[64], const char **ret)
{
	if (json_is_string(value))
		*ret = json_string_value(value);
	else if (json_is_integer(value))
		(void)snprintf(text, 64, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		(void)snprintf(text, 64, "%s", json_is_true(value) ? "true" : "false");
	else
		return false;
	if (!json_is_string(value))
		*ret = text;
	return true;
}

static bool value_matches(const json_t *value, const char *wanted)
{
	size_t len = strlen(wanted);
	const char *text;
	char scratch[64];

	if (!scalar_text(value, scratch, &text))
		return false;
	if (len > 0 && wanted[len - 1] == '*')
		return strncmp(text, wanted, len - 1) == 0;
	return strcmp(text, wanted) == 0;
}

static bool contains(const json_t *value, const char *word)
{
	const char *text, *key;
	char scratch[64];
	json_t *one;
	size_t i;

	if (scalar_text(value, scratch, &text))
		return strcasestr(text, word) != NULL;
	json_object_foreach((json_t *)(uintptr_t)value, key, one)
	{
		if (contains(one, word))
			return true;
	}
	json_array_foreach(value, i, one)
	{
		if (contains(one, word))
			return true;
	}
	return false;
}

const json_t *log_event_get(const json_t *event, const char *path)
{
	const json_t *at = event;
	char key[LOG_FILTER_KEY_MAX];

	while (at && *path) {
		size_t len = strcspn(path, ".");

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		at = json_object_get(at, key);
		path += len + (path[len] == '.');
	}
	return at;
}

const char *log_event_text(const json_t *event, const char *path)
{
	const char *text = json_string_value(log_event_get(event, path));

	return text ? text : "";
}

bool log_filter_matches(const struct log_filter *filter, const json_t *event)
{
	const json_t *value;

	if (filter->key[0] == '\0')
		return filter->value[0] == '\0' || contains(event, filter->value);
	value = log_event_get(event, filter->key);
	return value && value_matches(value, filter->value);
}

uint64_t log_event_us(const json_t *event)
{
	const char *text = json_string_value(json_object_get(event, "timestamp"));
	unsigned us = 0;
	struct tm tm = {.tm_isdst = 0};

	if (!text || sscanf(text, "%d-%d-%dT%d:%d:%d.%6u", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
	                    &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &us) != 7)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (uint64_t)timegm(&tm) * 1000000 + us;
}

/* False: `fn` has had enough. */
static bool read_one(const char *path, long bytes, uint64_t since_us, log_event_fn *fn, void *arg)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool on = true;
	ssize_t n;

	if (!f)
		return true;
	if (fseek(f, 0, SEEK_END) == 0 && ftell(f) > bytes)
		(void)(fseek(f, -bytes, SEEK_END) == 0 && getline(&line, &size, f) > 0);
	else
		rewind(f);
	while (on && (n = getline(&line, &size, f)) > 0) {
		json_t *event = json_loadb(line, (size_t)n, 0, NULL);

		if (event && (since_us == 0 || log_event_us(event) >= since_us))
			on = fn(arg, event);
		json_decref(event);
	}
	free(line);
	(void)fclose(f);
	return on;
}

void log_read(const char *path, uint64_t since_us, log_event_fn *fn, void *arg)
{
	char closed[PATH_SIZE];
	struct stat st;
	long left = LOG_READ_BYTES_MAX;

	(void)snprintf(closed, sizeof(closed), "%s.1", path);
	if (stat(path, &st) == 0)
		left -= SL_MIN((long)st.st_size, left);
	if (left > 0 && !read_one(closed, left, since_us, fn, arg))
		return;
	(void)read_one(path, LOG_READ_BYTES_MAX, since_us, fn, arg);
}
