/* SPDX-License-Identifier: Apache-2.0 */
/* A distribution while it runs: asked for what changed since the last answer, a second apart. */
#include "sms/watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/cli/print.h"

enum { STEP_MS = 500, BAR = 30, ROWS = 24 };

struct watch {
	json_t *last; /* the last answer's head, with all devices */
	size_t drawn; /* lines on the terminal */
	json_int_t since;
	bool terminal, quiet;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static bool failed(const json_t *device)
{
	static const char *const words[] = {"refused", "reverted", NULL};

	return is_one_of(text_of(device, "state"), words);
}

static bool ended(const json_t *device)
{
	static const char *const words[] = {"confirmed", "superseded", NULL};

	return failed(device) || is_one_of(text_of(device, "state"), words);
}

enum sms_exit distribute_status(const json_t *shown)
{
	json_t *device;
	size_t i;

	json_array_foreach(json_object_get(shown, "devices"), i, device)
	{
		if (failed(device))
			return SMS_REFUSED;
	}
	return SMS_OK;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

static void print_device(const json_t *device)
{
	cli_print_text(stdout, text_of(device, "name"));
	(void)fputs(": ", stdout);
	cli_print_text(stdout, text_of(device, "state"));
	if (text_of(device, "text")[0]) {
		(void)fputs(" (", stdout);
		cli_print_text(stdout, text_of(device, "text"));
		(void)putchar(')');
	}
	(void)putchar('\n');
}

static size_t terminal_rows(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row - 3u
	                                                                       : ROWS;
}

static size_t count_ended(const json_t *devices)
{
	size_t done = 0, i;
	json_t *device;

	json_array_foreach(devices, i, device)
	{
		done += ended(device);
	}
	return done;
}

/* The bar, then those that are not through, as many as there is room for. */
static void draw(struct watch *w)
{
	const json_t *devices = json_object_get(w->last, "devices");
	size_t all = json_array_size(devices), done = count_ended(devices), room = terminal_rows(),
	       i;
	json_t *device;

	if (w->drawn > 0)
		(void)printf("\033[%zuA\r\033[J", w->drawn);
	(void)fputs("\033[?7l[", stdout); /* a long line is cut, so that lines can be counted */
	for (i = 0; i < BAR; i++)
		(void)putchar(all > 0 && i * all < done * BAR ? '#' : '-');
	(void)printf("] %zu of %zu\n", done, all);
	w->drawn = 1;
	json_array_foreach(devices, i, device)
	{
		if (w->drawn >= room || strcmp(text_of(device, "state"), "confirmed") == 0)
			continue;
		print_device(device);
		w->drawn++;
	}
	(void)fputs("\033[?7h", stdout);
	(void)fflush(stdout);
}

static void say(struct watch *w, const json_t *device)
{
	if (w->terminal || w->quiet)
		return;
	print_device(device);
	if (failed(device))
		distribute_print_items(json_object_get(device, "items"));
	(void)fflush(stdout);
}

/* ---- what is new ----------------------------------------------------------------------------- */

static bool same(const json_t *a, const json_t *b)
{
	return strcmp(text_of(a, "state"), text_of(b, "state")) == 0 &&
	       strcmp(text_of(a, "text"), text_of(b, "text")) == 0;
}

/* Into the list that has all of them. */
static void take_device(struct watch *w, json_t *device)
{
	json_t *devices = json_object_get(w->last, "devices"), *known;
	json_int_t changed = json_integer_value(json_object_get(device, "changed_ms"));
	size_t i;

	if (changed > w->since)
		w->since = changed;
	json_array_foreach(devices, i, known)
	{
		if (strcmp(text_of(known, "name"), text_of(device, "name")) != 0)
			continue;
		if (!same(known, device))
			say(w, device);
		(void)json_array_set(devices, i, device);
		return;
	}
	(void)json_array_append(devices, device);
	say(w, device);
}

static void take_answer(struct watch *w, json_t *shown)
{
	static const char *const head[] = {"state", "stopped", "ended", "counts", NULL};
	json_t *device;
	size_t i;

	for (i = 0; head[i]; i++)
		if (json_object_get(shown, head[i]))
			(void)json_object_set(w->last, head[i], json_object_get(shown, head[i]));
	json_array_foreach(json_object_get(shown, "devices"), i, device)
	{
		take_device(w, device);
	}
}

static bool is_over(const struct watch *w)
{
	json_t *device;
	size_t i;

	if (strcmp(text_of(w->last, "state"), "ended") == 0)
		return true;
	json_array_foreach(json_object_get(w->last, "devices"), i, device)
	{
		bool offline = !json_is_true(json_object_get(device, "online"));

		if (!ended(device) &&
		    !(offline && strcmp(text_of(device, "state"), "waiting") == 0))
			return false;
	}
	return true;
}

static enum sms_exit ask(struct sms *sms, struct watch *w)
{
	json_t *shown = NULL;
	enum sms_exit status;
	char path[96];

	(void)snprintf(path, sizeof(path), "/distributions/%lld?since=%lld",
	               (long long)json_integer_value(json_object_get(w->last, "id")),
	               (long long)w->since);
	status = distribute_call(sms, "GET", path, NULL, &shown);
	if (status == SMS_OK)
		take_answer(w, shown);
	json_decref(shown);
	return status;
}

enum sms_exit distribute_watch(struct sms *sms, json_t **shown)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	struct watch w = {.last = json_copy(*shown),
	                  .terminal = isatty(STDOUT_FILENO) == 1 && !sms->json,
	                  .quiet = sms->json};
	enum sms_exit status = SMS_OK;

	(void)json_object_set_new(w.last, "devices", json_array());
	if (!w.quiet)
		(void)printf("distribution %lld\n",
		             (long long)json_integer_value(json_object_get(w.last, "id")));
	take_answer(&w, *shown);
	for (;;) {
		if (w.terminal)
			draw(&w);
		if (is_over(&w))
			break;
		(void)nanosleep(&step, NULL);
		status = ask(sms, &w);
		if (status != SMS_OK)
			break;
	}
	if (status == SMS_OK && !w.quiet && strcmp(text_of(w.last, "state"), "ended") != 0)
		(void)puts("the rest are offline and get it when they return");
	json_decref(*shown);
	*shown = w.last;
	return status;
}
