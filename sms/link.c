/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, and the one decision that is not left to it: whether a pinned certificate is the one. */
#include "sms/link.h"

#include <ctype.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"

#define COOKIE_NAME "sluice_session="

struct link {
	CURL *curl;
	char *server, *ca;
	char pin[LINK_PIN_MAX];
	char seen[LINK_PIN_MAX];
};

int link_pin_parse(const char *text, char ret_pin[LINK_PIN_MAX])
{
	char pin[LINK_PIN_MAX];
	size_t n = 0;

	if (strncasecmp(text, "sha256:", 7) == 0)
		text += 7;
	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text) || n == LINK_PIN_MAX - 1)
			return SL_EINVAL;
		pin[n++] = (char)tolower((unsigned char)*text);
	}
	if (n != LINK_PIN_MAX - 1)
		return SL_EINVAL;
	pin[n] = '\0';
	memcpy(ret_pin, pin, sizeof(pin));
	return 0;
}

/* ---- the server's certificate ------------------------------------------------------------ */

static void note_seen(struct link *link, X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	link->seen[0] = '\0';
	if (!cert || X509_digest(cert, EVP_sha256(), digest, &len) != 1)
		return;
	for (unsigned i = 0; i < len && 2 * i + 2 < LINK_PIN_MAX; i++)
		(void)snprintf(link->seen + (size_t)2 * i, 3, "%02x", digest[i]);
}

/* By the CA file OpenSSL verifies as ever; by a pin the certificate is that one or none. */
static int verify(X509_STORE_CTX *ctx, void *arg)
{
	struct link *link = arg;

	note_seen(link, X509_STORE_CTX_get0_cert(ctx));
	if (link->ca)
		return X509_verify_cert(ctx);
	if (link->pin[0] && strcmp(link->pin, link->seen) == 0) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
	return 0;
}

static CURLcode with_context(CURL *curl, void *ctx, void *arg)
{
	(void)curl;
	SSL_CTX_set_cert_verify_callback(ctx, verify, arg);
	return CURLE_OK;
}

const char *link_seen(const struct link *link)
{
	return link->seen;
}

/* ---- opening ----------------------------------------------------------------------------- */

static bool is_https(const char *server)
{
	return strncasecmp(server, "https://", 8) == 0 && server[8] &&
	       !strpbrk(server + 8, "/?#@ ");
}

static int set(struct link *link)
{
	CURL *c = link->curl;
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_PROXY, ""); /* a proxy would be one more to trust */
	rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)LINK_CONNECT_S);
	rc |= curl_easy_setopt(c, CURLOPT_USERAGENT, "sms/" SLUICE_VERSION);
	rc |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, link->ca ? 2L : 0L);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, with_context);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, link);
	if (link->ca) {
		rc |= curl_easy_setopt(c, CURLOPT_CAINFO, link->ca);
		rc |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	return rc == CURLE_OK ? 0 : SL_EUNSUPPORTED;
}

int link_open(const struct link_options *options, struct link **ret_link)
{
	struct link *link;
	int rc;

	if (!is_https(options->server))
		return SL_EINVAL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return SL_ENOMEM;
	link->curl = curl_easy_init();
	link->server = strdup(options->server);
	link->ca = options->ca ? strdup(options->ca) : NULL;
	rc = link->curl && link->server && (link->ca || !options->ca) ? 0 : SL_ENOMEM;
	if (rc == 0 && options->pin && !options->ca)
		rc = link_pin_parse(options->pin, link->pin);
	if (rc == 0)
		rc = set(link);
	if (rc == 0)
		*ret_link = link;
	else
		link_close(link);
	return rc;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	curl_easy_cleanup(link->curl);
	free(link->server);
	free(link->ca);
	free(link);
}

/* ---- a call ------------------------------------------------------------------------------ */

/* Where an answer's body goes. */
struct taking {
	const struct link_request *request;
	struct link_answer *answer;
	CURL *curl;
	bool enough;
};

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct taking *taking = arg;
	struct link_answer *answer = taking->answer;
	long status = 0;

	(void)curl_easy_getinfo(taking->curl, CURLINFO_RESPONSE_CODE, &status);
	if (taking->request->take && status == 200) {
		taking->enough =
		        !taking->request->take(taking->request->take_arg, data, size * count);
		return taking->enough ? 0 : size * count;
	}
	return buf_add(&answer->body, data, size * count) == 0 ? size * count : 0;
}

/* The value of header `name` in a line, without white space around; its length, 0 when it is
 * another header. */
static size_t header_value(const char *line, size_t len, const char *name, const char **ret_value)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return 0;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	*ret_value = line;
	return len;
}

/* Cut would be another one: too long is none. */
static void keep(char *to, size_t size, const char *value, size_t len)
{
	if (len < size) {
		memcpy(to, value, len);
		to[len] = '\0';
	}
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
	struct link_answer *answer = arg;
	size_t len = size * count, n;
	const char *value, *end;

	if ((n = header_value(data, len, "ETag", &value)) > 0) {
		keep(answer->etag, sizeof(answer->etag), value, n);
	} else if ((n = header_value(data, len, "Content-Type", &value)) > 0) {
		answer->is_json =
		        (n >= 16 && strncasecmp(value, "application/json", 16) == 0) ||
		        (n >= 24 && strncasecmp(value, "application/problem+json", 24) == 0);
	} else if ((n = header_value(data, len, "Set-Cookie", &value)) > sizeof(COOKIE_NAME) - 1 &&
	           strncmp(value, COOKIE_NAME, sizeof(COOKIE_NAME) - 1) == 0) {
		value += sizeof(COOKIE_NAME) - 1;
		n -= sizeof(COOKIE_NAME) - 1;
		end = memchr(value, ';', n);
		keep(answer->cookie, sizeof(answer->cookie), value,
		     end ? (size_t)(end - value) : n);
	}
	return len;
}

/* Adds "NAME: VALUE"; the text is wiped, since it may be a secret. libcurl's copy goes with the
 * list. */
static int add_header(struct curl_slist **list, const char *name, const char *before,
                      const char *value)
{
	struct curl_slist *longer;
	char *line;
	int len;

	if (!value || !value[0])
		return 0;
	len = asprintf(&line, "%s: %s%s", name, before, value);
	if (len < 0)
		return SL_ENOMEM;
	longer = curl_slist_append(*list, line);
	OPENSSL_cleanse(line, (size_t)len);
	free(line);
	if (!longer)
		return SL_ENOMEM;
	*list = longer;
	return 0;
}

static void free_headers(struct curl_slist *list)
{
	for (struct curl_slist *one = list; one; one = one->next)
		OPENSSL_cleanse(one->data, strlen(one->data));
	curl_slist_free_all(list);
}

static int make_headers(const struct link_request *request,
                        const struct link_credentials *credentials, struct curl_slist **ret_list)
{
	int rc = add_header(ret_list, "Accept", "", "application/json");

	if (rc == 0 && (request->body || request->data))
		rc = add_header(ret_list, "Content-Type", "",
		                request->body ? "application/json" : "application/octet-stream");
	if (rc == 0)
		rc = add_header(ret_list, "If-Match", "", request->if_match);
	if (credentials->token)
		return rc == 0 ? add_header(ret_list, "Authorization", "Bearer ",
		                            credentials->token)
		               : rc;
	if (rc == 0)
		rc = add_header(ret_list, "Cookie", COOKIE_NAME, credentials->cookie);
	if (rc == 0 && strcmp(request->method, "GET") != 0)
		rc = add_header(ret_list, "X-Sluice-CSRF", "", credentials->csrf);
	return rc;
}

static int explain(struct link *link, CURLcode code, char why[LINK_TEXT_MAX])
{
	if (code == CURLE_PEER_FAILED_VERIFICATION && !link->ca) {
		(void)snprintf(why, LINK_TEXT_MAX, "the certificate of %s is %s; %s%s",
		               link->server, link->seen,
		               link->pin[0] ? "trusted is " : "none is trusted yet", link->pin);
		return SL_EREFUSED;
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
		(void)snprintf(why, LINK_TEXT_MAX,
		               "the certificate of %s does not verify by %s: %s", link->server,
		               link->ca, curl_easy_strerror(code));
		return SL_EREFUSED;
	}
	(void)snprintf(why, LINK_TEXT_MAX, "%s: %s", link->server, curl_easy_strerror(code));
	return SL_ECLOSED;
}

static CURLcode perform(struct link *link, const struct link_request *request, const char *url,
                        const char *body, struct curl_slist *headers, struct link_answer *answer)
{
	CURL *c = link->curl;
	struct taking taking = {.request = request, .answer = answer, .curl = c};
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(c, CURLOPT_URL, url);
	rc |= curl_easy_setopt(c, CURLOPT_TIMEOUT, request->take ? 0L : (long)LINK_TOTAL_S);
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, request->take ? 1L : 0L);
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, request->take ? (long)LINK_SILENT_S : 0L);
	rc |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEDATA, &taking);
	rc |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	rc |= curl_easy_setopt(c, CURLOPT_HEADERDATA, answer);
	if (body || request->data || strcmp(request->method, "POST") == 0) {
		const void *sent = request->data ? request->data : body ? body : "";
		size_t len = request->data ? request->data_len : strlen(sent);

		rc |= curl_easy_setopt(c, CURLOPT_POST, 1L);
		rc |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, sent);
		rc |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)len);
		rc |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request->method);
	} else {
		rc |= curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	}
	rc |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request->method);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(c);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, NULL);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, NULL);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, NULL);
	return taking.enough ? CURLE_OK : rc;
}

int link_call(struct link *link, const struct link_request *request,
              const struct link_credentials *credentials, struct link_answer *ret_answer,
              char why[LINK_TEXT_MAX])
{
	struct link_answer answer = {0};
	struct curl_slist *headers = NULL;
	char *url = NULL, *body = NULL;
	int rc = SL_ENOMEM;

	buf_init(&answer.body, LINK_ANSWER_MAX);
	(void)snprintf(why, LINK_TEXT_MAX, "%s", err_text(rc));
	if (request->body)
		body = json_dumps(request->body, JSON_COMPACT);
	if ((!request->body || body) &&
	    asprintf(&url, "%s/api/v1%s", link->server, request->path) >= 0 &&
	    make_headers(request, credentials, &headers) == 0) {
		CURLcode code = perform(link, request, url, body, headers, &answer);

		rc = code == CURLE_OK ? 0 : explain(link, code, why);
		(void)curl_easy_getinfo(link->curl, CURLINFO_RESPONSE_CODE, &answer.status);
	}
	free_headers(headers);
	free(url);
	if (body)
		OPENSSL_cleanse(body, strlen(body));
	free(body);
	if (rc == 0)
		*ret_answer = answer;
	else
		link_answer_fini(&answer);
	return rc;
}

void link_answer_fini(struct link_answer *answer)
{
	if (answer->body.data)
		OPENSSL_cleanse(answer->body.data, answer->body.size);
	buf_fini(&answer->body);
	OPENSSL_cleanse(answer->cookie, sizeof(answer->cookie));
}
