/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a source: out of a directory of this host, of which nothing leads out, or by HTTPS, and
 * by nothing else: no redirect, no proxy, no other protocol. Size and time are bounded.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/package/package_priv.h"

enum {
	STEP = 1024 * 1024,
	CONNECT_S = 10,
	TOTAL_S = 600,
	SLOW_S = 30, /* less than SLOW_BYTES a second for so long ends it */
	SLOW_BYTES = 1024,
};

#define HTTPS "https://"

static bool is_https(const char *address)
{
	return strncasecmp(address, HTTPS, strlen(HTTPS)) == 0;
}

bool fetch_is_address(const char *address)
{
	size_t len = strlen(address);

	if (len >= PACKAGES_ADDRESS_MAX)
		return false;
	for (const char *at = address; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return false;
	if (address[0] == '/')
		return true;
	return is_https(address) && len > strlen(HTTPS) &&
	       !strpbrk(address + strlen(HTTPS), "?#@") && address[strlen(HTTPS)] != '/';
}

/* ---- directories ------------------------------------------------------------------------- */

static int system_error(const char *file, char error[PACKAGES_ERROR_MAX])
{
	int code = errno;

	(void)snprintf(error, PACKAGES_ERROR_MAX, "%.256s: %s", file,
	               code == ELOOP ? "a link is not followed" : strerror(code));
	return code == ENOENT ? SL_ENOENT : code == ELOOP ? SL_EREFUSED : SL_ESYS;
}

static int read_all(int fd, const char *file, struct buf *out, char error[PACKAGES_ERROR_MAX])
{
	for (;;) {
		uint8_t *room;
		ssize_t got;
		int rc = buf_reserve(out, SL_MIN(out->max - out->len, (size_t)STEP), &room);

		if (rc != 0)
			return rc;
		got = read(fd, room, SL_MIN(out->max - out->len, (size_t)STEP));
		if (got < 0 && errno != EINTR)
			return system_error(file, error);
		if (got == 0)
			return 0;
		out->len += got > 0 ? (size_t)got : 0;
	}
}

static int read_file(int directory, const char *file, uint64_t max, struct buf *out,
                     char error[PACKAGES_ERROR_MAX])
{
	int fd = openat(directory, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int rc;

	if (fd < 0)
		return system_error(file, error);
	if (fstat(fd, &st) != 0) {
		rc = system_error(file, error);
	} else if (!S_ISREG(st.st_mode)) {
		(void)snprintf(error, PACKAGES_ERROR_MAX, "%.128s is no plain file", file);
		rc = SL_EREFUSED;
	} else if ((uint64_t)st.st_size > max) {
		(void)snprintf(error, PACKAGES_ERROR_MAX,
		               "%.128s has %llu bytes, at most %llu are taken", file,
		               (unsigned long long)st.st_size, (unsigned long long)max);
		rc = SL_ELIMIT;
	} else {
		rc = read_all(fd, file, out, error);
	}
	(void)close(fd);
	return rc;
}

static int read_directory(const char *address, const char *file, uint64_t max, struct buf *out,
                          char error[PACKAGES_ERROR_MAX])
{
	int directory = open(address, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (directory < 0)
		return system_error(address, error);
	rc = read_file(directory, file, max, out, error);
	(void)close(directory);
	return rc;
}

/* ---- HTTPS ------------------------------------------------------------------------------- */

struct transfer {
	struct packages *p;
	struct buf *out;
	uint64_t max;
	bool too_large;
};

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count;

	if (len > t->max - t->out->len) {
		t->too_large = true;
		return 0;
	}
	return buf_add(t->out, data, len) == 0 ? len : 0;
}

static int look(void *arg, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up)
{
	const struct transfer *t = arg;

	(void)total, (void)done, (void)up_total, (void)up;
	return atomic_load(&t->p->stopping);
}

/* By the system's CA certificates, or the source's alone. */
static CURLcode set_ca(CURL *c, const char *ca)
{
	struct curl_blob blob = {.data = (void *)ca, .len = strlen(ca), .flags = CURL_BLOB_COPY};
	CURLcode rc = CURLE_OK;

	if (ca[0] == '\0')
		return rc;
	rc |= curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	rc |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	rc |= curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
	return rc;
}

static CURLcode set(CURL *c, struct transfer *t, const char *url, const char *ca)
{
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(c, CURLOPT_URL, url);
	rc |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	rc |= curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)TOTAL_S);
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	rc |= curl_easy_setopt(c, CURLOPT_USERAGENT, "smsd/" SLUICE_VERSION);
	rc |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	rc |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	rc |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look);
	rc |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	return rc | set_ca(c, ca);
}

/* An answer that is no 200 is none: a redirect has a body, too. */
static int judge(CURL *c, CURLcode code, const struct transfer *t, const char *url,
                 char error[PACKAGES_ERROR_MAX])
{
	long status = 0;

	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (t->too_large)
		(void)snprintf(error, PACKAGES_ERROR_MAX, "%.700s has more than %llu bytes", url,
		               (unsigned long long)t->max);
	else if (status >= 300 && status < 400)
		(void)snprintf(error, PACKAGES_ERROR_MAX,
		               "%.700s answers with another address, which is not followed", url);
	else if (status != 0 && status != 200)
		(void)snprintf(error, PACKAGES_ERROR_MAX, "%.700s answers %ld", url, status);
	else if (code != CURLE_OK)
		(void)snprintf(error, PACKAGES_ERROR_MAX, "%.700s: %s", url,
		               curl_easy_strerror(code));
	if (t->too_large)
		return SL_ELIMIT;
	return code == CURLE_OK && status == 200 ? 0 : SL_ECLOSED;
}

static int read_https(struct packages *p, const char *address, const char *ca, const char *file,
                      uint64_t max, struct buf *out, char error[PACKAGES_ERROR_MAX])
{
	struct transfer t = {.p = p, .out = out, .max = max};
	char url[PACKAGES_ADDRESS_MAX + 256];
	size_t len = strlen(address);
	CURL *c = curl_easy_init();
	CURLcode code;
	int rc;

	if (!c)
		return SL_ENOMEM;
	(void)snprintf(url, sizeof(url), "%s%s%s", address, address[len - 1] == '/' ? "" : "/",
	               file);
	code = set(c, &t, url, ca);
	if (code == CURLE_OK)
		code = curl_easy_perform(c);
	rc = judge(c, code, &t, url, error);
	curl_easy_cleanup(c);
	return rc;
}

/* ------------------------------------------------------------------------------------------ */

int fetch_file(struct packages *p, const struct source_row *source, const char *file, uint64_t max,
               struct buf *out, char error[PACKAGES_ERROR_MAX])
{
	const char *address = json_string_value(json_object_get(source->body, "address"));
	const char *ca = json_string_value(json_object_get(source->body, "ca"));
	int rc;

	/* One more than may come: that there is more is seen, and the buffer has room to see it. */
	buf_init(out, (size_t)max + 1);
	(void)snprintf(error, PACKAGES_ERROR_MAX, "%s", err_text(SL_ENOMEM));
	if (!address || !fetch_is_address(address))
		return SL_EINVAL;
	rc = is_https(address) ? read_https(p, address, ca ? ca : "", file, max, out, error)
	                       : read_directory(address, file, max, out, error);
	if (rc == 0 && out->len > max) {
		(void)snprintf(error, PACKAGES_ERROR_MAX, "%.128s grew while it was read", file);
		rc = SL_ELIMIT;
	}
	return rc;
}
