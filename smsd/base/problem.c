/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a request: places gathered, bounded in number and length. */
#include "smsd/base/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/pki/error.h"

void problem_fini(struct problem *problem)
{
	free(problem->items);
	*problem = (struct problem){0};
}

/* Room for one more, zeroed; NULL when there is none, which is counted. */
static struct problem_item *next_item(struct problem *problem)
{
	struct problem_item *items;

	if (problem->count == PROBLEM_ITEMS_MAX) {
		problem->more++;
		return NULL;
	}
	items = reallocarray(problem->items, problem->count + 1, sizeof(*items));
	if (!items) {
		problem->more++;
		return NULL;
	}
	problem->items = items;
	return memset(&items[problem->count++], 0, sizeof(*items));
}

static int add(struct problem *problem, int code, const char *pointer, const char *remedy,
               const char *text)
{
	struct problem_item *item = next_item(problem);

	if (problem->code == 0)
		problem->code = code;
	if (item) {
		(void)snprintf(item->pointer, sizeof(item->pointer), "%s", pointer);
		(void)snprintf(item->text, sizeof(item->text), "%s", text);
		(void)snprintf(item->remedy, sizeof(item->remedy), "%s", remedy);
	}
	return code;
}

int problem_add(struct problem *problem, int code, const char *pointer, const char *remedy,
                const char *fmt, ...)
{
	char text[PROBLEM_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return add(problem, code, pointer, remedy, text);
}

int problem_tell(struct problem *problem, int code)
{
	if (code == 0 || problem->code != 0)
		return code;
	return problem_add(problem, code, "", "", "%s", err_text(code));
}

int problem_add_pki(struct problem *problem, const char *pointer, const struct pki_error *err)
{
	return add(problem, err->code, pointer, err->remedy, err->text);
}

int problem_add_conf(struct problem *problem, const struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->items[i];

		if (!e->notice)
			(void)add(problem, e->code, e->pointer, e->remedy, e->text);
	}
	problem->more += errs->lost;
	if (problem->code == 0)
		problem->code = conf_errors_code(errs);
	return conf_errors_code(errs);
}
