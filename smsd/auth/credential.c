/* SPDX-License-Identifier: Apache-2.0 */
/* Which secret a request's headers have: bytes from outside, before anything is known of them. */
#include "smsd/auth/auth_priv.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"

#define SCHEME "Bearer "
#define SPACE  " \t"

static int take(const char *text, size_t len, struct credential *credential)
{
	if (len == 0 || len >= sizeof(credential->text))
		return SL_EPERM;
	memcpy(credential->text, text, len);
	credential->text[len] = '\0';
	return 0;
}

static int read_token(const char *header, struct credential *credential)
{
	if (strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
		return SL_EPERM;
	header += strlen(SCHEME);
	header += strspn(header, SPACE);
	credential->is_token = true;
	return take(header, strcspn(header, SPACE), credential);
}

/* RFC 6265, section 4.2.1. The name twice: one of them is of whoever could set a cookie for a
 * neighbour's name, and nothing tells which. */
static int read_cookie(const char *header, struct credential *credential)
{
	const size_t name_len = strlen(AUTH_COOKIE);
	int rc = SL_EPERM;

	while (*header) {
		size_t len;

		header += strspn(header, "; \t");
		len = strcspn(header, ";");
		if (len > name_len && memcmp(header, AUTH_COOKIE, name_len) == 0 &&
		    header[name_len] == '=') {
			const char *value = header + name_len + 1;

			if (rc == 0)
				return SL_EPERM;
			rc = take(value, strcspn(value, "; \t"), credential);
			if (rc != 0)
				return rc;
		}
		header += len;
	}
	return rc;
}

int credential_read(const char *authorization, const char *cookie,
                    struct credential *ret_credential)
{
	struct credential credential = {0};
	int rc = authorization[0] ? read_token(authorization, &credential)
	                          : read_cookie(cookie, &credential);

	if (rc == 0)
		*ret_credential = credential;
	OPENSSL_cleanse(&credential, sizeof(credential));
	return rc;
}

struct use {
	enum store_statement statement;
	int64_t id, now_ms;
};

static int write_use(void *arg, struct store_tx *tx)
{
	const struct use *use = arg;
	const struct store_value values[] = {store_integer(use->id), store_integer(use->now_ms)};

	return store_tx_run(tx, use->statement, values, 2, NULL, NULL);
}

void credential_note_use(struct store *store, enum store_statement statement, int64_t id,
                         int64_t used_ms, int64_t now_ms)
{
	struct use use = {.statement = statement, .id = id, .now_ms = now_ms};

	if (now_ms - used_ms >= AUTH_USED_STEP_S * 1000LL)
		(void)!store_write(store, write_use, &use);
}

int auth_identify(struct store *store, const struct auth_credentials *credentials,
                  struct auth_identity *ret_identity)
{
	struct credential credential;
	int rc = credential_read(credentials->authorization, credentials->cookie, &credential);

	if (rc != 0)
		return rc;
	rc = credential.is_token
	             ? token_identify(store, credential.text, credentials, ret_identity)
	             : session_identify(store, credential.text, credentials, ret_identity);
	OPENSSL_cleanse(&credential, sizeof(credential));
	return rc;
}

void auth_set_cookie(const struct auth_session *session, char ret_text[AUTH_SET_COOKIE_MAX])
{
	(void)snprintf(ret_text, AUTH_SET_COOKIE_MAX,
	               AUTH_COOKIE "=%s; Path=/;%s Secure; HttpOnly; SameSite=Strict",
	               session ? session->cookie : "", session ? "" : " Max-Age=0;");
}
