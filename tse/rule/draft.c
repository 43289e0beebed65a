/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The draft of a rule: bounded adding, and errors with a remedy.
 */
#include "tse/rule/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"

int rule_error_set(struct rule_error *err, int code, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	(void)snprintf(err->remedy, sizeof(err->remedy), "%s", remedy);
	return code;
}

int draft_add_cond(struct draft *d, struct rule_error *err, const struct cond *c)
{
	if (d->nconds >= DRAFT_CONDS_MAX)
		return rule_error_set(err, SL_ELIMIT, "split the rule",
		                      "more than %d conditions in one rule", DRAFT_CONDS_MAX);
	d->conds[d->nconds] = *c;
	d->conds[d->nconds].buffer = d->buffer;
	d->columns[d->nconds] = (uint16_t)SL_MIN(err->column, 65535u);
	d->nconds++;
	return 0;
}

int draft_add_bytes(struct draft *d, struct rule_error *err, const uint8_t *data, size_t len,
                    uint32_t *ret_place)
{
	if (len > DRAFT_BYTES_MAX - d->nbytes)
		return rule_error_set(err, SL_ELIMIT, "split the rule",
		                      "contents and expressions of one rule exceed %d bytes",
		                      DRAFT_BYTES_MAX);
	memcpy(d->bytes + d->nbytes, data, len);
	*ret_place = d->nbytes;
	d->nbytes += (uint32_t)len;
	return 0;
}
