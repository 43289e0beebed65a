/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries a chain of conditions. Each content's occurrences are tried in turn, since a later
 * condition that is placed relative to it may hold only for the second or the third one. What is
 * not decided yet (bytes may still come) counts as no: the chain is tried again with more.
 */
#include "tse/match/inspect.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/base/bytes.h"

enum {
	STEPS_MAX = 20000, /* of one chain on one view */
	STEP_BYTES = 256,  /* searched bytes that cost one step */
};

struct run {
	struct inspect_tools *tools;
	const struct tse_ruleset *set;
	const struct inspect_view *view;
	const struct cond *end;
	int steps;
};

static bool try_from(struct run *run, const struct cond *c, int64_t last_end);

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static uint8_t upper(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? c & 0xdf : c;
}

/* Is the lower-case needle at `text`, in any case? */
static bool is_nocase(const uint8_t *text, const uint8_t *needle, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lower(text[i]) != needle[i])
			return false;
	}
	return true;
}

#ifdef __SSE2__
/* Sixteen places at once by the needle's first and last byte; *at moves to where the rest, too
 * short for that, begins. */
static const uint8_t *find_nocase_wide(const uint8_t *text, size_t len, const uint8_t *needle,
                                       size_t n, size_t *at)
{
	const __m128i first = _mm_set1_epi8((char)needle[0]);
	const __m128i first_up = _mm_set1_epi8((char)upper(needle[0]));
	const __m128i last = _mm_set1_epi8((char)needle[n - 1]);
	const __m128i last_up = _mm_set1_epi8((char)upper(needle[n - 1]));

	for (; *at + n + 15 <= len; *at += 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(text + *at));
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(text + *at + n - 1));
		__m128i hit = _mm_and_si128(
		        _mm_or_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(a, first_up)),
		        _mm_or_si128(_mm_cmpeq_epi8(b, last), _mm_cmpeq_epi8(b, last_up)));
		unsigned mask = (unsigned)_mm_movemask_epi8(hit);

		for (; mask; mask &= mask - 1) {
			const uint8_t *p = text + *at + (unsigned)__builtin_ctz(mask);

			if (is_nocase(p, needle, n))
				return p;
		}
	}
	return NULL;
}
#else
static const uint8_t *find_nocase_wide(const uint8_t *text, size_t len, const uint8_t *needle,
                                       size_t n, size_t *at)
{
	return NULL;
}
#endif

/* Lower-case needle in any-case text. */
static const uint8_t *find_nocase(const uint8_t *text, size_t len, const uint8_t *needle, size_t n)
{
	size_t at = 0;
	const uint8_t *hit = find_nocase_wide(text, len, needle, n, &at);

	for (; !hit && at + n <= len; at++) {
		if (is_nocase(text + at, needle, n))
			hit = text + at;
	}
	return hit;
}

static const uint8_t *find(const struct cond *c, const uint8_t *needle, const uint8_t *text,
                           size_t len)
{
	if (c->len > len)
		return NULL;
	return c->flags & COND_NOCASE ? find_nocase(text, len, needle, c->len)
	                              : memmem(text, len, needle, c->len);
}

/* Where the content may begin at the earliest and must end at the latest, in the view; false:
 * nowhere. *ret_bounded: the end is a bound of the rule, not of the view. */
static bool content_range(const struct run *run, const struct cond *c, int64_t last_end,
                          int64_t *ret_lo, int64_t *ret_hi, bool *ret_open)
{
	int64_t base = (int64_t)run->view->base;
	int64_t len = (int64_t)run->view->len;
	int64_t lo = 0;
	int64_t hi = INT64_MAX;

	if (c->flags & (COND_DISTANCE | COND_WITHIN)) {
		lo = last_end + c->distance;
		if (c->flags & COND_WITHIN)
			hi = lo + c->within;
	} else {
		lo = (int64_t)c->offset - base;
		if (c->flags & COND_DEPTH)
			hi = lo + c->depth;
	}
	*ret_open = hi > len && !run->view->ended;
	*ret_lo = SL_MAX(lo, 0);
	*ret_hi = SL_MIN(hi, len);
	return *ret_lo <= *ret_hi;
}

static bool spend(struct run *run, size_t searched)
{
	run->steps -= 1 + (int)(searched / STEP_BYTES);
	return run->steps > 0;
}

static bool try_negated(struct run *run, const struct cond *c, int64_t last_end)
{
	const uint8_t *needle = run->set->bytes + c->data;
	const uint8_t *text = run->view->data;
	int64_t lo;
	int64_t hi;
	bool open;

	if (content_range(run, c, last_end, &lo, &hi, &open)) {
		const uint8_t *hit = NULL;

		if (!spend(run, (size_t)(hi - lo)))
			return false;
		if (c->flags & COND_ENDSWITH)
			lo = SL_MAX(lo, hi - (int64_t)c->len);
		if (!(c->flags & COND_ENDSWITH) || hi == (int64_t)run->view->len)
			hit = find(c, needle, text + lo, (size_t)(hi - lo));
		if (hit)
			return false;
	}
	/* with a bound of its own it is decided once the bytes up to there are in */
	if (open && (c->flags & (COND_DEPTH | COND_WITHIN | COND_ENDSWITH)))
		return false;
	return try_from(run, c + 1, last_end);
}

static bool try_content(struct run *run, const struct cond *c, int64_t last_end)
{
	const uint8_t *needle = run->set->bytes + c->data;
	const uint8_t *text = run->view->data;
	int64_t lo;
	int64_t hi;
	bool open;

	if (!content_range(run, c, last_end, &lo, &hi, &open))
		return false;
	if (c->flags & COND_ENDSWITH) {
		if (!run->view->ended || hi != (int64_t)run->view->len)
			return false;
		lo = SL_MAX(lo, hi - (int64_t)c->len);
	}
	while (spend(run, 0)) {
		const uint8_t *hit = find(c, needle, text + lo, (size_t)(hi - lo));
		int64_t at;

		if (!hit)
			return false;
		at = hit - text;
		if (!spend(run, (size_t)(at - lo)))
			break;
		if (try_from(run, c + 1, at + (int64_t)c->len))
			return true;
		if (c + 1 == run->end || !cond_is_relative(c + 1))
			return false;
		lo = at + 1;
	}
	run->tools->exhausted++;
	return false;
}

static bool try_pcre(struct run *run, const struct cond *c, int64_t last_end)
{
	bool relative = (c->flags & COND_RELATIVE) != 0;
	size_t skip = relative ? (size_t)SL_MIN(SL_MAX(last_end, 0), (int64_t)run->view->len) : 0;
	const uint8_t *subject = run->view->data + skip;
	size_t len = run->view->len - skip;
	uint32_t options = (!relative && run->view->base > 0 ? PCRE2_NOTBOL : 0) |
	                   (run->view->ended ? 0 : PCRE2_NOTEOL);
	size_t start = 0;

	while (start <= len && spend(run, (len - start) / 8)) {
		const PCRE2_SIZE *place;
		int rc = pcre2_match(run->set->pcre[c->pcre], len ? subject : (PCRE2_SPTR) "", len,
		                     start, options, run->tools->match_data,
		                     run->tools->match_context);

		if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
			run->tools->exhausted++;
			return false;
		}
		if (c->flags & COND_NEGATED)
			return rc < 0 && try_from(run, c + 1, last_end);
		if (rc < 0)
			return false;
		place = pcre2_get_ovector_pointer(run->tools->match_data);
		start = place[0] + 1;
		if (try_from(run, c + 1, (int64_t)(skip + place[1])))
			return true;
		if (c + 1 == run->end || !cond_is_relative(c + 1))
			return false;
	}
	if (start <= len)
		run->tools->exhausted++;
	return false;
}

static bool try_isdataat(struct run *run, const struct cond *c, int64_t last_end)
{
	int64_t len = (int64_t)run->view->len;
	int64_t from = c->flags & COND_RELATIVE ? last_end : -(int64_t)run->view->base;
	bool there;

	/* N bytes behind a place, or byte number N of the buffer */
	there = c->flags & COND_RELATIVE ? from + c->offset <= len : from + c->offset < len;
	if (c->flags & COND_NEGATED)
		return !there && run->view->ended && try_from(run, c + 1, last_end);
	return there && try_from(run, c + 1, last_end);
}

static bool try_bsize(struct run *run, const struct cond *c, int64_t last_end)
{
	uint64_t size = run->view->base + run->view->len;

	return run->view->ended && size >= (uint64_t)c->offset && size <= (uint64_t)c->depth &&
	       try_from(run, c + 1, last_end);
}

static bool try_from(struct run *run, const struct cond *c, int64_t last_end)
{
	if (c == run->end)
		return true;
	switch ((enum cond_kind)c->kind) {
	case COND_CONTENT:
		return c->flags & COND_NEGATED ? try_negated(run, c, last_end)
		                               : try_content(run, c, last_end);
	case COND_PCRE:
		return try_pcre(run, c, last_end);
	case COND_ISDATAAT:
		return try_isdataat(run, c, last_end);
	case COND_BSIZE:
		return try_bsize(run, c, last_end);
	}
	return false;
}

bool inspect_chain(struct inspect_tools *tools, const struct tse_ruleset *set,
                   const struct rs_chain *chain, const struct inspect_view *view)
{
	const struct cond *first = &set->conds[chain->cond];
	struct run run = {.tools = tools,
	                  .set = set,
	                  .view = view,
	                  .end = first + chain->nconds,
	                  .steps = STEPS_MAX};

	return try_from(&run, first, -(int64_t)view->base);
}
