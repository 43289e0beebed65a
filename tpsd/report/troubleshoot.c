/* SPDX-License-Identifier: Apache-2.0 */
/* Which checks there are, and what each came to. */
#include <stdarg.h>
#include <stdio.h>

#include "tpsd/report/troubleshoot_priv.h"

void verdict_say(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(v->evidence, sizeof(v->evidence), fmt, ap);
	va_end(ap);
}

void verdict_fail(struct verdict *v, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	v->fail = true;
	v->remedy = remedy;
	va_start(ap, fmt);
	(void)vsnprintf(v->evidence, sizeof(v->evidence), fmt, ap);
	va_end(ap);
}

#define N NOT_INSPECTED
#define U UNREACHABLE
#define A UNEXPECTED_ALERTS
static const struct {
	unsigned cases;
	const char *text;
	trouble_check *run;
} checks[] = {
#define X(name, cases, text) {cases, text, trouble_check_##name},
#include "tpsd/report/troubleshoot.def"
#undef X
};
#undef N
#undef U
#undef A

json_t *troubleshoot(const struct trouble *trouble, enum trouble_case which)
{
	json_t *list = json_array();

	for (size_t i = 0; i < SL_ARRAY_LEN(checks); i++) {
		struct verdict v = {.remedy = ""};

		if (!(checks[i].cases & (unsigned)which))
			continue;
		checks[i].run(trouble, &v);
		(void)json_array_append_new(
		        list, json_pack("{s:s,s:s,s:s,s:s}", "check", checks[i].text, "result",
		                        v.fail ? "fail" : "pass", "evidence", v.evidence, "remedy",
		                        v.fail ? v.remedy : ""));
	}
	return list;
}
