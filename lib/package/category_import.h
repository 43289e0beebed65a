/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of names that people have, into categories: UT1 directories, hosts files, tables of domain
 * and category. What cannot be read is told on standard error with its place, and left out.
 */
#pragma once

#include "lib/base/attr.h"
#include "lib/domain/category.h"
#include "lib/pki/error.h"

struct category_import {
	const char *program; /* before each line on standard error */
	struct category_builder *to;
	unsigned left_out; /* lines, so far */
};

/*
 * UT1: a directory a category, named as it, with a file `domains`, a domain a line. Links, which
 * are other names of categories, are left out. Errors as package files: SL_ENOENT, SL_ESYS, …
 */
int category_import_ut1(struct category_import *import, const char *path, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* A hosts file, "0.0.0.0 a.test b.test": all its names into one category. */
int category_import_hosts(struct category_import *import, const char *path, const char *category,
                          struct pki_error *err) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Lines "domain,category[,category…]"; "@category,Title" gives a category its title. */
int category_import_csv(struct category_import *import, const char *path, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* By the format's name, "csv", "ut1" or "hosts", the only one that needs a `category` ("":
 * SL_EINVAL). */
int category_import_list(struct category_import *import, const char *format, const char *path,
                         const char *category, struct pki_error *err)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
