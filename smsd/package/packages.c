/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/package/package_priv.h"

int packages_failed(int code, struct problem *problem)
{
	if (code == 0 || problem->code != 0)
		return problem->code ? problem->code : code;
	return problem_add(problem, code, "", "", "%s", err_text(code));
}

int packages_create(struct store *store, struct ingest *ingest, struct packages **ret_packages,
                    struct problem *problem)
{
	struct packages *p = calloc(1, sizeof(*p));

	if (!p || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(p);
		return problem_add(problem, SL_ENOMEM, "", "", "packages cannot be served");
	}
	p->store = store;
	p->ingest = ingest;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_mutex_init(&p->importing, NULL);
	*ret_packages = p;
	return 0;
}

void packages_destroy(struct packages *packages)
{
	if (!packages)
		return;
	(void)pthread_mutex_destroy(&packages->lock);
	(void)pthread_mutex_destroy(&packages->importing);
	free(packages);
	curl_global_cleanup();
}

void packages_stop(struct packages *packages)
{
	atomic_store(&packages->stopping, true);
}

void packages_on_install(struct packages *packages, packages_installed_fn *fn, void *arg)
{
	packages->installed = fn;
	packages->installed_arg = arg;
}
