/* SPDX-License-Identifier: Apache-2.0 */
/* What every change of people, roles and groups asks first, and how it says no. */
#include <ctype.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/auth/people.h"
#include "smsd/base/problem.h"

int auth_take_integer(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 0;
}

int auth_check_name(const char *what, const char *name, size_t max, const char *more,
                    struct problem *problem)
{
	size_t len = strlen(name);
	bool good = len > 0 && len <= max && name[0] != ' ' && name[len - 1] != ' ';

	for (size_t i = 0; good && i < len; i++)
		good = isalnum((unsigned char)name[i]) || strchr("_-. ", name[i]) ||
		       strchr(more, name[i]);
	if (good)
		return 0;
	return problem_add(
	        problem, SL_EINVAL, "/name", "choose another",
	        "%s has 1 to %zu letters, digits, \"_\", \"-\", \".\"%s%s or spaces within", what,
	        max, more[0] ? ", " : "", more);
}

int people_unknown(struct problem *problem, const char *name)
{
	return problem_add(problem, SL_ENOENT, "", "GET /api/v1/people lists them",
	                   "there is no person \"%.64s\"", name);
}

int people_check_within(const struct auth_identity *by, uint64_t may, const char *pointer,
                        struct problem *problem)
{
	uint64_t beyond = may & ~by->capabilities;
	char text[SCOPES_TEXT_MAX];

	if (beyond == 0)
		return 0;
	scopes_write(beyond, text);
	return problem_add(problem, SL_EPERM, pointer, "ask somebody who may all of that",
	                   "you may neither give nor take what you have not: %s", text);
}

int people_check_seen(const char *what, const char *name, int64_t seen, int64_t revision,
                      struct problem *problem)
{
	if (seen == revision)
		return 0;
	return problem_add(problem, SL_ECONFLICT, "", "look at it again, and then change it",
	                   "the %s \"%s\" was changed in between: revision %lld is there, not %lld",
	                   what, name, (long long)revision, (long long)seen);
}

int people_check_comment(const char *comment, struct problem *problem)
{
	if (!comment || strlen(comment) <= PEOPLE_COMMENT_MAX)
		return 0;
	return problem_add(problem, SL_ERANGE, "/comment", "say it shorter",
	                   "a comment has at most %d bytes", PEOPLE_COMMENT_MAX);
}
