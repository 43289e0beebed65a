/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the table of commands and the little grammar of its arguments. */
#include "lib/cli/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { KEY_MAX = 32, VALUE_MAX = 4096, ITEMS_MAX = 16, COMPLETIONS_MAX = 64 * 1024 };

static const struct cli_command commands[CLI_COMMAND_END] = {
#define COMMAND(ID, words, arguments, who, where, forward, help)                                   \
	[CLI_##ID] = {CLI_##ID, words, arguments, CLI_##who, CLI_##where, forward, help},
#include "lib/cli/command.def"
#undef COMMAND
};

const struct cli_table cli_tps = {commands, CLI_COMMAND_END};

const struct cli_command *cli_command_by_id(enum cli_command_id id)
{
	return (unsigned)id < CLI_COMMAND_END ? &commands[id] : NULL;
}

const struct cli_command *cli_command_by_words(const char *words)
{
	for (size_t i = 0; i < CLI_COMMAND_END; i++)
		if (strcmp(commands[i].words, words) == 0)
			return &commands[i];
	return NULL;
}

/* How many of a command's words `argv` begins with; *ret_all: it has all of them. */
static size_t words_matched(const char *words, size_t argc, const char *const *argv, bool *ret_all)
{
	const char *p = words;
	size_t n = 0;

	while (*p && n < argc) {
		size_t len = strcspn(p, " ");

		if (strlen(argv[n]) != len || strncmp(argv[n], p, len) != 0)
			break;
		n++;
		p += len;
		p += *p == ' ';
	}
	*ret_all = *p == '\0';
	return n;
}

const struct cli_command *cli_command_find(const struct cli_table *table, size_t argc,
                                           const char *const *argv, size_t *ret_used)
{
	const struct cli_command *found = NULL;
	size_t used = 0;

	for (size_t i = 0; i < table->count; i++) {
		bool all;
		size_t n = words_matched(table->commands[i].words, argc, argv, &all);

		if (all && (!found || n > used)) {
			found = &table->commands[i];
			used = n;
		} else if (!found && n > used) {
			used = n;
		}
	}
	*ret_used = used;
	return found;
}

/* ---- the grammar ------------------------------------------------------------------------- */

struct item {
	char key[KEY_MAX];   /* of the object */
	char value[KEY_MAX]; /* option: name of its value; "" for a flag */
	const char *choices; /* "a|b|c", NULL for anything */
	size_t choices_len;
	bool option;
	bool needed;
};

struct grammar {
	struct item items[ITEMS_MAX];
	size_t count;
};

/* NAME or NAME:a|b of `len` bytes. */
static void read_name(const char *p, size_t len, char key[KEY_MAX], struct item *item)
{
	size_t n = 0;

	for (; n < len && p[n] != ':' && n < KEY_MAX - 1; n++)
		key[n] = (char)tolower((unsigned char)p[n]);
	key[n] = '\0';
	if (n < len && p[n] == ':') {
		item->choices = p + n + 1;
		item->choices_len = len - n - 1;
	}
}

static void read_item(const char *p, size_t len, struct item *item)
{
	*item = (struct item){.needed = *p != '['};
	if (*p == '[') {
		p++;
		len -= 2;
	}
	item->option = len > 2 && p[0] == '-' && p[1] == '-';
	if (item->option) {
		const char *space = memchr(p, ' ', len);
		size_t name = space ? (size_t)(space - p) : len;

		if (space)
			read_name(space + 1, len - name - 1, item->value, item);
		read_name(p + 2, name - 2, item->key, item);
	} else {
		read_name(p, len, item->key, item);
	}
}

static void read_grammar(const char *text, struct grammar *ret)
{
	ret->count = 0;
	while (*text && ret->count < ITEMS_MAX) {
		size_t len = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, " ");

		read_item(text, len, &ret->items[ret->count++]);
		text += len;
		text += strspn(text, " ");
	}
}

static bool is_choice(const struct item *item, const char *value)
{
	size_t len = strlen(value);
	const char *p = item->choices;

	while (p && p < item->choices + item->choices_len) {
		const char *end = memchr(p, '|', (size_t)(item->choices + item->choices_len - p));
		size_t n = (size_t)((end ? end : item->choices + item->choices_len) - p);

		if (n == len && strncmp(p, value, n) == 0)
			return true;
		p += n + 1;
	}
	return !item->choices;
}

static int refuse(const struct cli_command *c, char *why, size_t size, const char *fmt,
                  const char *word)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s'%.100s'", fmt, word);
	(void)snprintf(why, size, "%s; usage: %s%s%s", text, c->words, c->arguments[0] ? " " : "",
	               c->arguments);
	return SL_EINVAL;
}

static int check_value(const struct cli_command *c, const struct item *item, const char *value,
                       char *why, size_t size)
{
	if (strlen(value) > VALUE_MAX)
		return refuse(c, why, size, "too long: ", item->key);
	if (!is_choice(item, value))
		return refuse(c, why, size, "not one of the choices: ", value);
	return 0;
}

static const struct item *find_option(const struct grammar *g, const char *name)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].option && strcmp(g->items[i].key, name) == 0)
			return &g->items[i];
	return NULL;
}

static const struct item *positional(const struct grammar *g, size_t n)
{
	for (size_t i = 0; i < g->count; i++)
		if (!g->items[i].option && n-- == 0)
			return &g->items[i];
	return NULL;
}

static int check_needed(const struct cli_command *c, const struct grammar *g, const json_t *object,
                        char *why, size_t size)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].needed && !json_object_get(object, g->items[i].key))
			return refuse(c, why, size, "missing: ", g->items[i].key);
	return 0;
}

static int put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0 ? 0 : SL_EINVAL;
}

static int parse_into(const struct cli_command *c, const struct grammar *g, size_t argc,
                      const char *const *argv, json_t *object, char *why, size_t size)
{
	size_t place = 0;

	for (size_t i = 0; i < argc; i++) {
		bool option = strncmp(argv[i], "--", 2) == 0;
		const struct item *item =
		        option ? find_option(g, argv[i] + 2) : positional(g, place);
		const char *value = argv[i];
		int rc;

		if (!item)
			return refuse(c, why, size, "not expected: ", argv[i]);
		place += !option;
		if (option && item->value[0] == '\0') {
			if (put(object, item->key, json_true()) != 0)
				return SL_ENOMEM;
			continue;
		}
		if (option && ++i == argc)
			return refuse(c, why, size, "a value is missing behind ", argv[i - 1]);
		value = argv[i];
		rc = check_value(c, item, value, why, size);
		if (rc == 0 && put(object, item->key, json_string(value)) != 0)
			rc = refuse(c, why, size, "not UTF-8: ", item->key);
		if (rc != 0)
			return rc;
	}
	return check_needed(c, g, object, why, size);
}

int cli_arguments_parse(const struct cli_command *command, size_t argc, const char *const *argv,
                        json_t **ret_arguments, char *why, size_t why_size)
{
	json_t *object = json_object();
	struct grammar g;
	int rc;

	if (!object)
		return SL_ENOMEM;
	read_grammar(command->arguments, &g);
	rc = parse_into(command, &g, argc, argv, object, why, why_size);
	if (rc != 0)
		json_decref(object);
	else
		*ret_arguments = object;
	return rc;
}

static const struct item *find_key(const struct grammar *g, const char *key)
{
	for (size_t i = 0; i < g->count; i++)
		if (strcmp(g->items[i].key, key) == 0)
			return &g->items[i];
	return NULL;
}

int cli_arguments_check(const struct cli_command *command, const json_t *arguments, char *why,
                        size_t why_size)
{
	struct grammar g;
	const char *key;
	json_t *value;

	read_grammar(command->arguments, &g);
	if (!json_is_object(arguments))
		return refuse(command, why, why_size, "arguments are no object: ", command->words);
	json_object_foreach((json_t *)(uintptr_t)arguments, key, value)
	{
		const struct item *item = find_key(&g, key);
		int rc = 0;

		/* A file travels as its path (said in errors) and, beside it, its text, a package's
		 * in base64; a token as its text alone. */
		if (strcmp(key, "text") == 0 && json_is_string(value) &&
		    (find_key(&g, "file") || find_key(&g, "package") || find_key(&g, "token-file")))
			continue;
		if (!item)
			return refuse(command, why, why_size, "not expected: ", key);
		if (item->option && item->value[0] == '\0' ? !json_is_boolean(value)
		                                           : !json_is_string(value))
			return refuse(command, why, why_size, "of the wrong type: ", key);
		if (json_is_string(value))
			rc = check_value(command, item, json_string_value(value), why, why_size);
		if (rc != 0)
			return rc;
	}
	return check_needed(command, &g, arguments, why, why_size);
}

/* ---- completion -------------------------------------------------------------------------- */

/* Adds a line once. */
static int add_line(struct buf *out, const char *prefix, const char *text, size_t len)
{
	size_t n = strlen(prefix);
	const char *p;

	if (len < n || strncmp(text, prefix, n) != 0)
		return 0;
	for (p = buf_text(out); *p; p += strcspn(p, "\n") + 1)
		if (strcspn(p, "\n") == len && strncmp(p, text, len) == 0)
			return 0;
	return buf_printf(out, "%.*s\n", (int)len, text);
}

static int complete_words(const struct cli_table *table, size_t argc, const char *const *argv,
                          const char *prefix, struct buf *out)
{
	int rc = 0;

	for (size_t i = 0; i < table->count && rc == 0; i++) {
		const char *p = table->commands[i].words;
		bool all;

		if (words_matched(p, argc, argv, &all) != argc || all)
			continue;
		for (size_t n = 0; n < argc; n++)
			p += strcspn(p, " ") + 1;
		rc = add_line(out, prefix, p, strcspn(p, " "));
	}
	return rc;
}

static int complete_choices(const struct item *item, const char *prefix, struct buf *out)
{
	const char *p = item ? item->choices : NULL;
	const char *end = p ? p + item->choices_len : NULL;
	int rc = 0;

	while (p && p < end && rc == 0) {
		const char *bar = memchr(p, '|', (size_t)(end - p));
		size_t n = (size_t)((bar ? bar : end) - p);

		rc = add_line(out, prefix, p, n);
		p += n + 1;
	}
	return rc;
}

static int complete_arguments(const struct cli_command *c, size_t argc, const char *const *argv,
                              const char *prefix, struct buf *out)
{
	const struct item *last = NULL;
	struct grammar g;
	size_t place = 0;
	int rc;

	read_grammar(c->arguments, &g);
	for (size_t i = 0; i < argc; i++) {
		bool wants_value = last && last->value[0];

		last = !wants_value && strncmp(argv[i], "--", 2) == 0 ? find_option(&g, argv[i] + 2)
		                                                      : NULL;
		place += !wants_value && !last;
	}
	if (last && last->value[0])
		return complete_choices(last, prefix, out);
	rc = complete_choices(positional(&g, place), prefix, out);
	for (size_t i = 0; i < g.count && rc == 0; i++) {
		char option[KEY_MAX + 2];

		if (!g.items[i].option)
			continue;
		(void)snprintf(option, sizeof(option), "--%s", g.items[i].key);
		rc = add_line(out, prefix, option, strlen(option));
	}
	return rc;
}

int cli_complete(const struct cli_table *table, size_t argc, const char *const *argv,
                 const char *prefix, struct buf *out)
{
	size_t used;
	const struct cli_command *c = cli_command_find(table, argc, argv, &used);
	int rc = complete_words(table, argc, argv, prefix, out);

	if (rc == 0 && c)
		rc = complete_arguments(c, argc - used, argv + used, prefix, out);
	return rc;
}

void cli_print_completions(const struct cli_table *table, size_t argc, const char *const *argv)
{
	struct buf out;

	buf_init(&out, COMPLETIONS_MAX);
	if (cli_complete(table, argc > 0 ? argc - 1 : 0, argv, argc > 0 ? argv[argc - 1] : "",
	                 &out) == 0)
		(void)fputs(buf_text(&out), stdout);
	buf_fini(&out);
}

int cli_duration_parse(const char *text, uint64_t *ret_ms)
{
	static const struct {
		char unit;
		uint64_t ms;
	} units[] = {{'\0', 1000}, {'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	const uint64_t max_ms = 366 * UINT64_C(86400000);
	uint64_t n = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9' && p - text < 10; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p == text || (p[0] && p[1]))
		return SL_EINVAL;
	for (size_t i = 0; i < SL_ARRAY_LEN(units); i++) {
		if (units[i].unit != *p)
			continue;
		if (n > max_ms / units[i].ms)
			return SL_EINVAL;
		*ret_ms = n * units[i].ms;
		return 0;
	}
	return SL_EINVAL;
}
