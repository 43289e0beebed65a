/* SPDX-License-Identifier: Apache-2.0 */
/* Answers and errors of the daemon. */
#include "tps/render.h"

#include "lib/cli/print.h"

/* Pieces of a stream are lists: one value a line, so that a pipe reads them as they come. */
static void render_json(struct render *r, const struct cli_command *command, const json_t *data)
{
	json_t *one;
	size_t i;

	if (command->id != CLI_SHOW_LOG) {
		(void)json_dumpf(data, r->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
		(void)fputc('\n', r->out);
		return;
	}
	json_array_foreach(data, i, one)
	{
		(void)json_dumpf(one, r->out, JSON_COMPACT);
		(void)fputc('\n', r->out);
	}
}

void render_data(struct render *render, const struct cli_command *command, const json_t *data)
{
	if (render->json)
		render_json(render, command, data);
	else if (!render_special(render, command, data))
		cli_print(render->out, data);
	render->pieces++;
	(void)fflush(render->out);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void render_one_error(const json_t *e, FILE *out)
{
	json_int_t line = json_integer_value(json_object_get(e, "line"));
	const char *file = text_of(e, "file"), *path = text_of(e, "path");

	cli_print_text(out, file);
	if (line > 0)
		(void)fprintf(out, ":%lld:%lld", (long long)line,
		              (long long)json_integer_value(json_object_get(e, "column")));
	(void)fputs(file[0] || line > 0 ? ": " : "", out);
	(void)fputs(json_is_true(json_object_get(e, "notice")) ? "notice: " : "error: ", out);
	cli_print_text(out, path);
	(void)fputs(path[0] ? ": " : "", out);
	cli_print_text(out, text_of(e, "text"));
	(void)fputc('\n', out);
	if (text_of(e, "remedy")[0]) {
		(void)fputs("        ", out);
		cli_print_text(out, text_of(e, "remedy"));
		(void)fputc('\n', out);
	}
}

void render_error(const json_t *error, bool json, FILE *out)
{
	const json_t *list = json_object_get(error, "errors");
	json_t *one;
	size_t i;

	if (json) {
		(void)json_dumpf(error, out, JSON_INDENT(2));
		(void)fputc('\n', out);
		return;
	}
	json_array_foreach(list, i, one)
	{
		render_one_error(one, out);
	}
	(void)fputs("tps: ", out);
	cli_print_text(out, text_of(error, "text"));
	(void)fputc('\n', out);
	if (!list && text_of(error, "remedy")[0]) {
		(void)fputs("  ", out);
		cli_print_text(out, text_of(error, "remedy"));
		(void)fputc('\n', out);
	}
}
