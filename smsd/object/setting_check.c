/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a body by itself: its rows. */
#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/object.h"
#include "smsd/base/problem.h"
#include "smsd/object/setting_priv.h"

int setting_check_body(enum object_kind kind, const json_t *body, json_t **ret_canonical,
                       struct problem *problem)
{
	const struct conf_object *shape = setting_shape(kind);
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_object_check(shape, body, &errs);
	if (rc != 0 && problem_add_conf(problem, &errs) == 0)
		rc = problem_add(problem, rc, "", "", "%s", err_text(rc));
	conf_errors_fini(&errs);
	if (rc == 0)
		rc = conf_object_canonical(shape, body, 0, ret_canonical);
	return problem_tell(problem, rc);
}
