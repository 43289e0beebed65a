/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles rule sources: cuts the text into rules, has each read and built, and tells what was
 * wrong with those that do not load. `control` or a tool, once a configuration.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/match/builder.h"
#include "tse/rule/parse.h"

enum { RULE_TEXT_MAX = 256 * 1024 };

struct compile_ctx {
	const struct tse_compile *how;
	const struct tse_source *source;
	struct builder builder;
	struct sets_ctx sets;
	struct draft *draft;
	struct rule_error err;
	const char *rule; /* the current rule in the source text */
	unsigned line;    /* of its first character */
	char *copy;       /* RULE_TEXT_MAX bytes: the rule with line ends blanked */
	struct tse_ruleset_info info;
};

/* Line and column of a place in the rule: continuation lines count as lines of the file. */
static void place_of(const struct compile_ctx *ctx, unsigned column, unsigned *ret_line,
                     unsigned *ret_column)
{
	unsigned line = ctx->line;
	unsigned at = 1;

	for (unsigned i = 0; column > 0 && i + 1 < column; i++) {
		if (ctx->rule[i] == '\n') {
			line++;
			at = 1;
		} else {
			at++;
		}
	}
	*ret_line = line;
	*ret_column = column ? at : 0;
}

static void tell(const struct compile_ctx *ctx, unsigned column, bool warning, const char *text,
                 const char *remedy)
{
	struct tse_diag diag = {.file = ctx->source->name,
	                        .sid = ctx->draft->sid,
	                        .warning = warning,
	                        .text = text,
	                        .remedy = remedy};

	if (!ctx->how->diag)
		return;
	place_of(ctx, column, &diag.line, &diag.column);
	ctx->how->diag(ctx->how->diag_arg, &diag);
}

static void warn(void *arg, const struct draft *d, const char *text, const char *remedy)
{
	tell(arg, 0, true, text, remedy);
}

/* One rule of `len` bytes. Only want of memory and bounds of the whole are errors here. */
static int compile_rule(struct compile_ctx *ctx, size_t len)
{
	struct tse_action action;
	int rc;

	if (len > RULE_TEXT_MAX) {
		ctx->draft->sid = 0;
		tell(ctx, 1, false, "the rule is longer than 256 KiB", "split it");
		ctx->info.refused++;
		return 0;
	}
	for (size_t i = 0; i < len; i++)
		ctx->copy[i] = ctx->rule[i] == '\n' || ctx->rule[i] == '\r' ? ' ' : ctx->rule[i];
	for (size_t i = 0; i + 1 < len; i++) {
		if (ctx->copy[i] == '\\' && (ctx->rule[i + 1] == '\n' || ctx->rule[i + 1] == '\r'))
			ctx->copy[i] = ' ';
	}
	rc = rule_parse(&ctx->sets, ctx->copy, len, ctx->draft, &ctx->err);
	if (rc == 0) {
		action = ctx->source->override_action ? ctx->source->action
		                                      : rule_own_action(ctx->draft);
		rc = builder_add_rule(&ctx->builder, ctx->draft, &action, &ctx->err);
	}
	if (rc == SL_ENOMEM)
		return rc;
	if (rc != 0) {
		tell(ctx, ctx->err.column, false, ctx->err.text, ctx->err.remedy);
		ctx->info.refused++;
		return 0;
	}
	ctx->info.rules++;
	return ctx->how->max_rules && ctx->info.rules > ctx->how->max_rules ? SL_ELIMIT : 0;
}

/* The end of the rule that begins at `at`: a line end that no backslash continues. */
static size_t rule_end(const struct tse_source *s, size_t at)
{
	for (;;) {
		const char *nl = memchr(s->text + at, '\n', s->len - at);
		size_t end = nl ? (size_t)(nl - s->text) : s->len;
		size_t last = end;

		if (!nl)
			return s->len;
		if (last > 0 && s->text[last - 1] == '\r')
			last--;
		if (last == 0 || s->text[last - 1] != '\\')
			return end;
		at = end + 1;
	}
}

static int compile_line(struct compile_ctx *ctx, size_t begin, size_t end)
{
	const char *text = ctx->source->text;

	while (begin < end && isspace((unsigned char)text[begin])) {
		ctx->line += text[begin] == '\n';
		begin++;
	}
	while (end > begin && isspace((unsigned char)text[end - 1]))
		end--;
	if (begin == end)
		return 0;
	if (text[begin] == '#') {
		while (begin < end && (text[begin] == '#' || isspace((unsigned char)text[begin])))
			begin++;
		ctx->info.disabled += rule_begins(text + begin, end - begin) &&
		                      memmem(text + begin, end - begin, "sid:", 4);
		return 0;
	}
	ctx->rule = text + begin;
	return compile_rule(ctx, end - begin);
}

static int compile_source(struct compile_ctx *ctx)
{
	unsigned line = 1;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && at < ctx->source->len) {
		size_t end = rule_end(ctx->source, at);

		ctx->line = line;
		rc = compile_line(ctx, at, end);
		for (size_t i = at; i <= end && i < ctx->source->len; i++)
			line += ctx->source->text[i] == '\n';
		at = end + 1;
	}
	return rc;
}

int tse_ruleset_compile(const struct tse_compile *how, struct tse_ruleset **ret_set)
{
	struct compile_ctx ctx = {.how = how};
	int rc = builder_init(&ctx.builder, warn, &ctx);

	if (rc != 0)
		return rc;
	ctx.sets = (struct sets_ctx){.builder = &ctx.builder,
	                             .variables = how->variables,
	                             .nvariables = how->nvariables};
	ctx.draft = malloc(sizeof(*ctx.draft));
	ctx.copy = malloc(RULE_TEXT_MAX);
	if (!ctx.draft || !ctx.copy)
		rc = SL_ENOMEM;
	for (size_t i = 0; rc == 0 && i < how->nsources; i++) {
		ctx.source = &how->sources[i];
		rc = compile_source(&ctx);
	}
	if (rc == 0)
		rc = builder_finish(&ctx.builder, ret_set);
	if (rc == 0) {
		ctx.info.patterns = (*ret_set)->info.patterns;
		(*ret_set)->info = ctx.info;
	}
	free(ctx.draft);
	free(ctx.copy);
	builder_fini(&ctx.builder);
	return rc;
}
