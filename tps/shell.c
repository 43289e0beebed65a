/* SPDX-License-Identifier: Apache-2.0 */
/* The shell: libedit, completion out of the table, the panic state in the prompt (R157). */
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "tps/run.h"

enum { PROMPT_MAX = 96, HISTORY_LINES = 500 };

struct shell {
	struct tps *tps;
	EditLine *edit;
	Tokenizer *words;
	char prompt[PROMPT_MAX];
};

static struct shell *shell_of(EditLine *edit)
{
	void *data = NULL;

	(void)el_get(edit, EL_CLIENTDATA, &data);
	return data;
}

static char *prompt(EditLine *edit)
{
	return shell_of(edit)->prompt;
}

static bool take_step(void *arg, const json_t *data)
{
	*(json_int_t *)arg = json_integer_value(json_object_get(data, "step"));
	return true;
}

static bool take_licence(void *arg, const json_t *data)
{
	const json_t *licence = json_object_get(data, "licence");
	const char *state = json_string_value(json_object_get(licence, "ssl_inspection"));

	*(bool *)arg = state && strcmp(state, "allowed") != 0;
	return true;
}

/* Asked before each line: it costs two round trips on a local socket. */
static void make_prompt(struct shell *s)
{
	static const char *const steps[] = {"", " PANIC:except", " PANIC:stop", " PANIC:fallback"};
	json_int_t step = 0;
	bool unlicensed = false;
	json_t *error = NULL;

	if (!s->tps->client)
		s->tps->client = client_connect(s->tps->socket);
	if (!s->tps->client) {
		(void)snprintf(s->prompt, sizeof(s->prompt), "tps %s (no daemon)> ",
		               s->tps->instance);
		return;
	}
	if (client_request(s->tps->client, "panic status", NULL, take_step, &step, &error) ==
	    TPS_NO_DAEMON) {
		client_close(s->tps->client);
		s->tps->client = NULL;
	} else {
		json_decref(error);
		error = NULL;
		(void)client_request(s->tps->client, "show version", NULL, take_licence,
		                     &unlicensed, &error);
	}
	json_decref(error);
	(void)snprintf(s->prompt, sizeof(s->prompt), "tps %s%s%s> ", s->tps->instance,
	               step >= 1 && step <= 3 ? steps[step] : "",
	               unlicensed ? " NOT LICENSED" : "");
}

/* Words before the cursor; the last one is what is being typed ("" behind a space). */
static unsigned char complete(EditLine *edit, int ch)
{
	struct shell *s = shell_of(edit);
	const LineInfo *line = el_line(edit);
	const char **argv;
	unsigned char result = CC_ERROR;
	struct buf out;
	int argc, cursor_word, cursor_at;
	const char *last;
	char prefix[256];
	size_t n;

	tok_reset(s->words);
	if (tok_line(s->words, line, &argc, &argv, &cursor_word, &cursor_at) != 0)
		return CC_ERROR;
	n = SL_MIN((size_t)argc, (size_t)cursor_word);
	(void)snprintf(prefix, sizeof(prefix), "%.*s", cursor_word < argc ? cursor_at : 0,
	               cursor_word < argc ? argv[cursor_word] : "");
	buf_init(&out, 64 * 1024);
	if (cli_complete(&cli_tps, n, argv, prefix, &out) == 0 && out.len > 0) {
		const char *text = buf_text(&out);
		size_t first = strcspn(text, "\n"), common = first;

		for (last = text + first + 1; *last; last += strcspn(last, "\n") + 1)
			for (size_t i = 0; i < common; i++)
				if (last[i] != text[i])
					common = i;
		if (common > strlen(prefix)) {
			char rest[256];

			(void)snprintf(rest, sizeof(rest), "%.*s%s", (int)(common - strlen(prefix)),
			               text + strlen(prefix), text[first + 1] == '\0' ? " " : "");
			result = el_insertstr(edit, rest) == 0 ? CC_REFRESH : CC_ERROR;
		} else if (text[first + 1] == '\0') {
			result = el_insertstr(edit, " ") == 0 ? CC_REFRESH : CC_ERROR;
		} else {
			(void)printf("\n%s", text);
			result = CC_REDISPLAY;
		}
	}
	buf_fini(&out);
	return result;
}

static bool run_line(struct shell *s, const char *line)
{
	const char **argv;
	int argc;

	tok_reset(s->words);
	if (tok_str(s->words, line, &argc, &argv) != 0) {
		(void)fputs("tps: a quote is not closed\n", stderr);
		return true;
	}
	if (argc == 0)
		return true;
	if (argc == 1 && (strcmp(argv[0], "exit") == 0 || strcmp(argv[0], "quit") == 0))
		return false;
	if (strcmp(argv[0], "?") == 0)
		tps_help((size_t)argc - 1, argv + 1);
	else
		(void)tps_run(s->tps, (size_t)argc, argv);
	return true;
}

static void read_lines(struct shell *s, History *h)
{
	const char *line;
	HistEvent event;
	int len;

	for (;;) {
		make_prompt(s);
		line = el_gets(s->edit, &len);
		if (!line || len <= 0)
			break;
		if (len > 1)
			(void)history(h, &event, H_ENTER, line);
		if (!run_line(s, line))
			return;
	}
	(void)putchar('\n');
}

enum tps_exit tps_shell(struct tps *tps)
{
	struct shell s = {.tps = tps};
	History *h = history_init();
	HistEvent event;

	s.edit = el_init("tps", stdin, stdout, stderr);
	s.words = tok_init(NULL);
	if (!s.edit || !s.words || !h) {
		(void)fputs("tps: no terminal to edit lines on; give a command: tps help\n",
		            stderr);
		return TPS_USAGE;
	}
	(void)history(h, &event, H_SETSIZE, HISTORY_LINES);
	(void)el_set(s.edit, EL_CLIENTDATA, &s);
	(void)el_set(s.edit, EL_PROMPT, prompt);
	(void)el_set(s.edit, EL_EDITOR, "emacs");
	(void)el_set(s.edit, EL_SIGNAL, 1);
	(void)el_set(s.edit, EL_HIST, history, h);
	(void)el_set(s.edit, EL_ADDFN, "tps-complete", "completes a command", complete);
	(void)el_set(s.edit, EL_BIND, "^I", "tps-complete", NULL);
	(void)el_source(s.edit, NULL);
	(void)puts("tps " SLUICE_VERSION
	           ": ? or help lists the commands, Tab completes, exit ends");
	read_lines(&s, h);
	tok_end(s.words);
	el_end(s.edit);
	history_end(h);
	return TPS_OK;
}
