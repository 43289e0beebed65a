/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is said to be, looked at piece by piece as it goes by: text by its lines, of which
 * one may begin in a piece and end in the next; lists of revoked certificates as a whole.
 */
#include <openssl/x509.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/image.h"
#include "lib/domain/map.h"
#include "lib/event/utf8.h"
#include "lib/pki/crl.h"
#include "smsd/base/problem.h"
#include "smsd/object/blob_priv.h"

enum {
	LINE_LONGEST = 1024 * 1024, /* of rules: the longest have tens of KiB */
	LINE_SHOWN = 64,
	LINES_SAID = 20, /* that are wrong; more are counted by nobody */
};

static const uint64_t size_max[BLOB_CONTENT_END] = {
        [BLOB_RULES] = CONF_RULES_FILE_MAX,
        [BLOB_DOMAINS] = CONF_NAMES_FILE_MAX,
        [BLOB_CRL] = CONF_CRLS_MAX,
};

int content_begin(struct content *c, enum blob_content what, uint64_t size, struct problem *problem)
{
	*c = (struct content){.what = what, .problem = problem};
	buf_init(&c->rest, what == BLOB_CRL ? CONF_CRLS_MAX : LINE_LONGEST);
	if (size <= size_max[what])
		return 0;
	return problem_add(problem, SL_ELIMIT, "/upload", "split it",
	                   "a file of %s has at most %llu bytes, this one has %llu",
	                   blob_content_name(what), (unsigned long long)size_max[what],
	                   (unsigned long long)size);
}

void content_fini(struct content *c)
{
	buf_fini(&c->rest);
}

/* ---- lines ------------------------------------------------------------------------------- */

static int refuse(struct content *c, const char *line, size_t len, const char *remedy,
                  const char *what)
{
	char shown[LINE_SHOWN + 1];
	size_t at = 0;

	for (; at < len && at < LINE_SHOWN; at++)
		shown[at] = line[at] >= ' ' && line[at] <= '~' ? line[at] : '?';
	shown[at] = '\0';
	c->wrong++;
	return problem_add(c->problem, SL_EMALFORMED, "/upload", remedy, "line %u: \"%s\" %s",
	                   c->line, shown, what);
}

static bool is_text(const uint8_t *line, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = utf8_sequence(line + at, len - at);

		if (n == 0 || line[at] == '\0')
			return false;
		at += n;
	}
	return true;
}

/* A private key that somebody took for rules would be kept, and sent to devices. */
static int check_rule(struct content *c, const char *line, size_t len)
{
	static const char armour[] = "-----BEGIN ";

	if (!is_text((const uint8_t *)line, len))
		return refuse(c, line, len, "save it as UTF-8", "is no UTF-8");
	/* What it says is nobody's to read, and no log's. */
	if (len >= sizeof(armour) - 1 && memcmp(line, armour, sizeof(armour) - 1) == 0)
		return refuse(c, line, sizeof(armour) - 1, "upload a file of rules",
		              "begins a certificate or a key");
	return 0;
}

static int check_domain(struct content *c, const char *line, size_t len)
{
	struct domain_text text = domain_text_of(line, len);

	if (c->line > 1) /* a mark before UTF-8 stands in the first one alone */
		text = (struct domain_text){.at = line, .end = line + len};
	if (!domain_text_next(&text) || domain_is_pattern(text.text, text.len))
		return 0;
	return refuse(c, text.text, text.len, "write a domain, or *. in front of one; IDN as xn--",
	              "is not a domain");
}

static void check_line(struct content *c, const char *line, size_t len)
{
	c->line++;
	if (c->wrong >= LINES_SAID)
		return;
	if (c->what == BLOB_DOMAINS)
		(void)check_domain(c, line, len);
	else
		(void)check_rule(c, line, len);
}

static int refuse_long(struct content *c)
{
	c->line++;
	c->wrong++;
	return problem_add(c->problem, SL_EMALFORMED, "/upload", "break it",
	                   "line %u is longer than %d bytes", c->line, LINE_LONGEST);
}

static int add_lines(struct content *c, const char *data, size_t len)
{
	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t part = end ? (size_t)(end - data) : len;
		int rc;

		if (part > LINE_LONGEST - c->rest.len)
			return refuse_long(c);
		if (end && c->rest.len == 0) {
			check_line(c, data, part);
		} else {
			rc = buf_add(&c->rest, data, part);
			if (rc != 0)
				return rc;
			if (!end)
				return 0;
			check_line(c, buf_text(&c->rest), c->rest.len);
			buf_consume(&c->rest, c->rest.len);
		}
		data += part + 1;
		len -= part + 1;
	}
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------- */

int content_add(struct content *c, const void *data, size_t len)
{
	return c->what == BLOB_CRL ? buf_add(&c->rest, data, len) : add_lines(c, data, len);
}

int content_end(struct content *c)
{
	STACK_OF(X509_CRL) *crls = NULL;
	struct pki_error err;

	if (c->what == BLOB_CRL) {
		if (pki_crls_parse("the file", c->rest.data, c->rest.len, &crls, &err) != 0)
			return problem_add_pki(c->problem, "/upload", &err);
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
		return 0;
	}
	if (c->rest.len > 0)
		check_line(c, buf_text(&c->rest), c->rest.len);
	return c->wrong > 0 ? SL_EMALFORMED : 0;
}
