/* SPDX-License-Identifier: Apache-2.0 */
/* What a licence comes to on a day, and how it is told. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/licence/licence.h"

enum { DAY_S = 86400 };

static const struct {
	const char *name, *title, *denied;
} capability_texts[] = {
#define X(ID, name, title, denied) {name, title, denied},
#include "lib/licence/capability.def"
#undef X
};

static const char *const state_names[] = {
#define X(NAME, name, help) name,
        LICENCE_STATES(X)
#undef X
};

static const char *const source_names[] = {
        [LICENCE_FROM_NOTHING] = "none",
        [LICENCE_FROM_BUILT_IN] = "built-in",
        [LICENCE_FROM_LICENCE] = "licence",
        [LICENCE_FROM_GRACE] = "grace",
};

const char *licence_capability_name(enum licence_capability capability)
{
	return capability < LICENCE_CAPABILITY_END ? capability_texts[capability].name : "?";
}

const char *licence_capability_title(enum licence_capability capability)
{
	return capability < LICENCE_CAPABILITY_END ? capability_texts[capability].title : "?";
}

const char *licence_capability_denied(enum licence_capability capability)
{
	return capability < LICENCE_CAPABILITY_END ? capability_texts[capability].denied : "?";
}

const char *licence_state_name(enum licence_state state)
{
	return state < LICENCE_STATE_END ? state_names[state] : "?";
}

const char *licence_source_name(enum licence_source source)
{
	return source < LICENCE_SOURCE_END ? source_names[source] : "?";
}

int licence_state_parse(const char *name, enum licence_state *ret_state)
{
	for (unsigned i = 0; i < LICENCE_STATE_END; i++) {
		if (strcmp(state_names[i], name) == 0) {
			*ret_state = i;
			return 0;
		}
	}
	return SL_ENOENT;
}

/* ---- a verdict --------------------------------------------------------------------------- */

static void say_denied(struct licence_verdict *v, const char *why, int64_t day)
{
	char text[LICENCE_DAY_TEXT];

	v->state = LICENCE_DENIED;
	v->source = LICENCE_FROM_NOTHING;
	v->warn = true;
	(void)snprintf(v->text, sizeof(v->text), "%s%s", why, licence_day(day, text));
}

static void say_grace(struct licence_verdict *v, int64_t ends, int64_t now)
{
	char until[LICENCE_DAY_TEXT], end[LICENCE_DAY_TEXT];

	v->source = LICENCE_FROM_GRACE;
	v->warn = true;
	(void)snprintf(v->text, sizeof(v->text),
	               "the licence ended on %s: it is denied from %s on, in %lld days",
	               licence_day(v->until, until), licence_day(ends, end),
	               (long long)((ends - now + DAY_S - 1) / DAY_S));
}

static void say_licensed(struct licence_verdict *v, int64_t now)
{
	char until[LICENCE_DAY_TEXT];

	v->source = LICENCE_FROM_LICENCE;
	v->warn = v->until != 0 && v->until - now <= LICENCE_WARN_DAYS * DAY_S;
	if (v->until == 0)
		(void)snprintf(v->text, sizeof(v->text), "licensed without an end");
	else
		(void)snprintf(v->text, sizeof(v->text), "licensed until %s",
		               licence_day(v->until, until));
}

void licence_judge(const struct licence_term *term, int64_t now,
                   struct licence_verdict *ret_verdict)
{
	struct licence_verdict *v = ret_verdict;
	int64_t grace_s = term ? (int64_t)term->grace_days * DAY_S : 0;

	*v = (struct licence_verdict){.state = LICENCE_ALLOWED};
	if (!term) {
		say_denied(v, "no licence is here for this device", 0);
		return;
	}
	if (!term->given) {
		say_denied(v, "the licence does not give it to this device", 0);
		return;
	}
	v->until = term->until;
	if (now < term->from)
		say_denied(v, "the licence begins on ", term->from);
	else if (term->until == 0 || now < term->until)
		say_licensed(v, now);
	else if (now < term->until + grace_s)
		say_grace(v, term->until + grace_s, now);
	else
		say_denied(v, "the licence and its time of grace are over since ",
		           term->until + grace_s);
}

void licence_judge_built_in(struct licence_verdict *ret_verdict)
{
	*ret_verdict = (struct licence_verdict){
	        .state = LICENCE_ALLOWED,
	        .source = LICENCE_FROM_BUILT_IN,
	        .text = "no licence authority is configured: everything is allowed"};
}

void licence_judge_reboot(struct licence_verdict *verdict)
{
	static const char follows[] = "; tpsd was started without it: start it again";
	size_t len = strlen(verdict->text), room = sizeof(verdict->text) - sizeof(follows);

	if (verdict->state == LICENCE_DENIED)
		return;
	verdict->state = LICENCE_REBOOT;
	verdict->warn = true;
	memcpy(verdict->text + SL_MIN(len, room), follows, sizeof(follows));
}

json_t *licence_describe(enum licence_capability capability, const struct licence_verdict *verdict)
{
	char until[LICENCE_DAY_TEXT];

	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "capability", licence_capability_name(capability),
	                 "state", licence_state_name(verdict->state), "source",
	                 licence_source_name(verdict->source), "until",
	                 licence_day(verdict->until, until), "text", verdict->text);
}
