/* SPDX-License-Identifier: Apache-2.0 */
/* Help and documentation out of a table of commands. */
#include "lib/cli/doc.h"

#include <stdio.h>
#include <string.h>

static bool starts_with(const struct cli_command *c, size_t argc, const char *const *argv)
{
	const char *p = c->words;

	for (size_t i = 0; i < argc; i++) {
		size_t len = strcspn(p, " ");

		if (strncmp(p, argv[i], len) != 0 || strlen(argv[i]) != len)
			return false;
		p += len + (p[len] == ' ');
	}
	return true;
}

void cli_doc_help(const struct cli_table *table, size_t argc, const char *const *argv)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct cli_command *c = &table->commands[i];

		if (starts_with(c, argc, argv))
			(void)printf("%s%s%s\n    %s%s\n", c->words, c->arguments[0] ? " " : "",
			             c->arguments, c->help,
			             c->who == CLI_CHANGE ? " (operators)" : "");
	}
	(void)puts("help [WORDS]\n    this list; every command takes --json");
}

void cli_doc_usage(const struct cli_command *command)
{
	(void)printf("`%s", command->words);
	for (const char *p = command->arguments; *p; p++)
		(void)printf("%s%s%c", p == command->arguments ? " " : "", *p == '|' ? "\\" : "",
		             *p);
	(void)putchar('`');
}

/* roff wants hyphens escaped, so that options can be copied. */
static void print_roff(const char *text)
{
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			(void)putchar('\\');
		(void)putchar(*text);
		/* Long lists of words may break behind each. */
		if (*text == '|')
			(void)fputs("\\:", stdout);
	}
}

void cli_doc_man(const struct cli_table *table, const char *changes)
{
	/* Words of usage are long: lines with them cannot be adjusted to the right. */
	(void)puts(".ad l");
	for (size_t i = 0; i < table->count; i++) {
		const struct cli_command *c = &table->commands[i];

		(void)printf(".TP\n\\fB");
		print_roff(c->words);
		(void)printf("\\fR ");
		print_roff(c->arguments);
		(void)putchar('\n');
		print_roff(c->help);
		if (c->who == CLI_CHANGE)
			print_roff(changes);
		(void)puts(".");
	}
}
