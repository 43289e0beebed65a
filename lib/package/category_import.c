/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/package/category_import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"

enum { TOLD_MAX = 20, FIELD_MAX = 256 };

/* A file as memory, and where a line of it stands. */
struct list {
	struct category_import *import;
	const char *path;
	const char *text;
	size_t len;
	struct pki_error *err;
};

/* ---- files ------------------------------------------------------------------------------- */

static int system_error(struct pki_error *err, const char *path)
{
	return pki_error_set(err, errno == ENOENT ? SL_ENOENT : SL_ESYS,
	                     "check the path and who may read it", "%s: %s", path, strerror(errno));
}

static int list_open(struct list *l, struct category_import *import, const char *path,
                     struct pki_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	void *text = NULL;
	int rc = 0;

	*l = (struct list){.import = import, .path = path, .err = err};
	if (fd < 0)
		return system_error(err, path);
	if (fstat(fd, &st) != 0)
		rc = system_error(err, path);
	else if (!S_ISREG(st.st_mode))
		rc = pki_error_set(err, SL_EINVAL, "name a file", "%s is no plain file", path);
	else if (st.st_size > 0)
		text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (rc == 0 && text == MAP_FAILED)
		rc = system_error(err, path);
	(void)close(fd);
	if (rc != 0)
		return rc;
	l->text = text ? text : "";
	l->len = text ? (size_t)st.st_size : 0;
	return 0;
}

static void list_close(struct list *l)
{
	if (l->len > 0)
		(void)munmap((void *)l->text, l->len);
}

static void leave_out(struct list *l, unsigned line, const char *why)
{
	if (l->import->left_out++ < TOLD_MAX)
		(void)fprintf(stderr, "%s: %s:%u: %s; left out\n", l->import->program, l->path,
		              line, why);
}

/* ---- names and categories ---------------------------------------------------------------- */

static int failed(struct list *l, int rc, unsigned line)
{
	return pki_error_set(l->err, rc, rc == SL_ELIMIT ? "leave some out" : "", "%s:%u: %s",
	                     l->path, line, err_text(rc));
}

/* "*.a.test" is a.test: a category has what is below a name anyway. */
static int add_name(struct list *l, unsigned line, const char *name, size_t len, uint32_t category)
{
	int rc;

	if (len > 2 && name[0] == '*' && name[1] == '.') {
		name += 2;
		len -= 2;
	}
	rc = category_builder_add(l->import->to, name, len, category);
	if (rc == SL_EMALFORMED) {
		leave_out(l, line, "this is no domain");
		return 0;
	}
	return rc == 0 ? 0 : failed(l, rc, line);
}

/* A line that says something, of a list whose names are of `category`, if it has one. */
typedef int line_fn(struct list *l, const struct domain_text *t, uint32_t category);

static int import_lines(struct category_import *import, const char *path, line_fn *fn,
                        uint32_t category, struct pki_error *err)
{
	struct domain_text t;
	struct list l;
	int rc = list_open(&l, import, path, err);

	if (rc != 0)
		return rc;
	t = domain_text_of(l.text, l.len);
	while (rc == 0 && domain_text_next(&t))
		rc = fn(&l, &t, category);
	list_close(&l);
	return rc;
}

/* ---- UT1 --------------------------------------------------------------------------------- */

static int import_domain(struct list *l, const struct domain_text *t, uint32_t category)
{
	return add_name(l, t->line, t->text, t->len, category);
}

static int import_directory(struct category_import *import, const char *path, const char *name,
                            struct pki_error *err)
{
	char file[PATH_MAX];
	struct stat st;
	uint32_t category;
	int len = snprintf(file, sizeof(file), "%s/%s", path, name);

	if (len < 0 || (size_t)len + sizeof("/domains") > sizeof(file) || lstat(file, &st) != 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	(void)strcat(file, "/domains");
	if (access(file, F_OK) != 0)
		return 0;
	if (category_builder_category(import->to, name, "", &category) != 0)
		return pki_error_set(err, SL_EINVAL,
		                     "name it in lower case: letters, digits, -, _ and .",
		                     "%s/%s: this cannot be the name of a category", path, name);
	return import_lines(import, file, import_domain, category, err);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int category_import_ut1(struct category_import *import, const char *path, struct pki_error *err)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, alphasort);
	int rc = 0;

	if (count < 0)
		return system_error(err, path);
	for (int i = 0; i < count; i++) {
		if (rc == 0)
			rc = import_directory(import, path, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

/* ---- fields of lines --------------------------------------------------------------------- */

/* The next field of a line: up to one of `ends`, without white space and quotes around. */
static bool next_field(const char **at, const char *end, const char *ends, const char **ret,
                       size_t *ret_len)
{
	const char *from = *at, *to;

	while (from < end && strchr(" \t\"", *from))
		from++;
	for (to = from; to < end && !strchr(ends, *to); to++)
		;
	*at = to < end ? to + 1 : end;
	while (to > from && strchr(" \t\"", to[-1]))
		to--;
	*ret = from;
	*ret_len = (size_t)(to - from);
	return to > from;
}

static bool copy_field(char *text, const char *field, size_t len)
{
	if (len >= FIELD_MAX || memchr(field, '\0', len))
		return false;
	memcpy(text, field, len);
	text[len] = '\0';
	return true;
}

/* ---- hosts ------------------------------------------------------------------------------- */

/* Names that every hosts file has, and that say nothing. */
static bool is_own_name(const char *name, size_t len)
{
	static const char *const own[] = {"localhost", "localhost.localdomain", "local",
	                                  "broadcasthost", "0.0.0.0"};

	for (size_t i = 0; i < SL_ARRAY_LEN(own); i++)
		if (strlen(own[i]) == len && strncasecmp(own[i], name, len) == 0)
			return true;
	return len > 4 && strncasecmp(name, "ip6-", 4) == 0;
}

static int import_hosts_line(struct list *l, const struct domain_text *t, uint32_t category)
{
	const char *at = t->text, *end = t->text + t->len, *field;
	char text[FIELD_MAX];
	struct addr addr;
	size_t len;
	int rc = 0;

	if (!next_field(&at, end, " \t", &field, &len) || !copy_field(text, field, len) ||
	    addr_parse(text, &addr) != 0) {
		leave_out(l, t->line, "this does not begin with an address");
		return 0;
	}
	while (rc == 0 && at < end)
		if (next_field(&at, end, " \t", &field, &len) && !is_own_name(field, len))
			rc = add_name(l, t->line, field, len, category);
	return rc;
}

int category_import_hosts(struct category_import *import, const char *path, const char *category,
                          struct pki_error *err)
{
	uint32_t number;

	if (category_builder_category(import->to, category, "", &number) != 0)
		return pki_error_set(err, SL_EINVAL,
		                     "name it in lower case: letters, digits, -, _ and .",
		                     "\"%.64s\" cannot be the name of a category", category);
	return import_lines(import, path, import_hosts_line, number, err);
}

/* ---- tables ------------------------------------------------------------------------------ */

/* "@finance,Money and banks": before the category's first domain. */
static int import_title(struct list *l, const struct domain_text *t)
{
	const char *at = t->text + 1, *end = t->text + t->len, *field;
	char name[FIELD_MAX], title[FIELD_MAX];
	uint32_t category;
	size_t len;
	bool good = next_field(&at, end, ",;\t", &field, &len) && copy_field(name, field, len) &&
	            next_field(&at, end, "", &field, &len) && copy_field(title, field, len);
	int rc =
	        good ? category_builder_category(l->import->to, name, title, &category) : SL_EINVAL;

	if (rc == SL_EINVAL) {
		leave_out(l, t->line, "this is no title: @category,Title");
		return 0;
	}
	return rc == 0 ? 0 : failed(l, rc, t->line);
}

static int import_row(struct list *l, const struct domain_text *t)
{
	const char *at = t->text, *end = t->text + t->len, *domain, *field;
	char name[FIELD_MAX];
	size_t domain_len, len;
	uint32_t category;
	int rc = 0;

	if (!next_field(&at, end, ",;\t", &domain, &domain_len) || at == end) {
		leave_out(l, t->line, "this is not domain,category");
		return 0;
	}
	while (rc == 0 && at < end) {
		if (!next_field(&at, end, ",;\t", &field, &len))
			continue;
		rc = copy_field(name, field, len)
		             ? category_builder_category(l->import->to, name, "", &category)
		             : SL_EINVAL;
		if (rc == SL_EINVAL) {
			leave_out(l, t->line, "this is no name of a category");
			rc = 0;
		} else {
			rc = rc == 0 ? add_name(l, t->line, domain, domain_len, category)
			             : failed(l, rc, t->line);
		}
	}
	return rc;
}

static int import_csv_line(struct list *l, const struct domain_text *t, uint32_t category)
{
	(void)category; /* of its own */
	return t->text[0] == '@' ? import_title(l, t) : import_row(l, t);
}

int category_import_csv(struct category_import *import, const char *path, struct pki_error *err)
{
	return import_lines(import, path, import_csv_line, 0, err);
}

int category_import_list(struct category_import *import, const char *format, const char *path,
                         const char *category, struct pki_error *err)
{
	if (strcmp(format, "csv") == 0)
		return category_import_csv(import, path, err);
	if (strcmp(format, "ut1") == 0)
		return category_import_ut1(import, path, err);
	if (category[0] == '\0')
		return pki_error_set(err, SL_EINVAL, "add --category NAME",
		                     "a hosts file does not say which category it is of");
	return category_import_hosts(import, path, category, err);
}
