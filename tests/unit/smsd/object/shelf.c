/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/object/shelf.h"

#include <sqlite3.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "tests/unit/lib/pki/make.h"

const char wan_settings[] = "{\"segments\": [{\"name\": \"wan\", \"port_a\": \"e0\", \"port_b\": "
                            "\"e1\"}], \"limits\": {\"sessions\": 5000}, "
                            "\"ssl_inspection\": {\"client\": true}}";

struct step {
	enum object_kind kind;
	const char *name;
	json_t *body;
	bool new, check;
	int64_t id;
	json_t *notices;
	struct problem *problem;
};

static int run(void *arg, struct store_tx *tx)
{
	const struct object_change how = {.actor = &place_actor, .action = "change"};
	struct step *s = arg;
	struct object object;
	int rc;

	problem_fini(s->problem);
	if (s->new) {
		rc = object_create(tx, &how, s->kind, s->name, s->body, &s->id, s->problem);
	} else {
		rc = object_get_tx(tx, s->kind, s->name, &object, s->problem);
		if (rc != 0)
			return rc;
		s->id = object.id;
		rc = object_replace(tx, &how, s->kind, s->name, object.revision, s->body,
		                    s->problem);
		object_fini(&object);
	}
	json_decref(s->notices);
	s->notices = NULL;
	return rc == 0 && s->check ? document_check_tx(tx, s->id, &s->notices, s->problem) : rc;
}

static int do_step(struct desk *d, struct step *s, const char *body, json_t **ret_notices)
{
	int rc;

	s->problem = d->problem;
	s->body = json_loads(body, 0, NULL);
	assert_non_null(s->body);
	(void)json_object_set_new(s->body, "name", json_string(s->name));
	rc = store_write(d->at.store, run, s);
	json_decref(s->body);
	if (ret_notices)
		*ret_notices = json_incref(s->notices);
	json_decref(s->notices);
	return rc;
}

int64_t put(struct desk *d, enum object_kind kind, const char *name, const char *body)
{
	struct step s = {.kind = kind, .name = name, .new = true};

	assert_int_equal(do_step(d, &s, body, NULL), 0);
	return s.id;
}

int change(struct desk *d, enum object_kind kind, const char *name, const char *body,
           json_t **ret_notices)
{
	struct step s = {.kind = kind, .name = name, .check = true};

	return do_step(d, &s, body, ret_notices);
}

int create(struct desk *d, enum object_kind kind, const char *name, const char *body,
           json_t **ret_notices)
{
	struct step s = {.kind = kind, .name = name, .new = true, .check = true};

	return do_step(d, &s, body, ret_notices);
}

/* Enrolment is another room's: the row that it leaves behind, by a connection of the test's own. */
void add_device(struct desk *d, const char *name, const char *settings)
{
	sqlite3_stmt *add = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(place_path(d->place, "sms.db"), &db), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 10000);
	assert_int_equal(
	        sqlite3_prepare_v2(db,
	                           "INSERT INTO device (name, revision, state, comment, settings, "
	                           "certificate_ends_ms, made_ms, enrolled_ms, seen_ms, wanted) "
	                           "VALUES (?1, 1, 'enrolled', '', ?2, 0, 0, 0, 0, 0)",
	                           -1, &add, NULL),
	        SQLITE_OK);
	(void)sqlite3_bind_text(add, 1, name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(add, 2, settings, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(add), SQLITE_DONE);
	(void)sqlite3_finalize(add);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void send_file(struct desk *d, const uint8_t sha256[BLOB_DIGEST], uint64_t size)
{
	sqlite3_stmt *add = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(place_path(d->place, "sms.db"), &db), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db,
	                              "INSERT INTO document_body (id, digest, head, tail, keys, "
	                              "objects) VALUES (1, X'00', '{', '}', '[]', '[]')",
	                              NULL, NULL, NULL),
	                 SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
	                                    "INSERT INTO document_file (body, sha256, size)"
	                                    " VALUES (1, ?1, ?2)",
	                                    -1, &add, NULL),
	                 SQLITE_OK);
	(void)sqlite3_bind_blob(add, 1, sha256, BLOB_DIGEST, SQLITE_STATIC);
	(void)sqlite3_bind_int64(add, 2, (sqlite3_int64)size);
	assert_int_equal(sqlite3_step(add), SQLITE_DONE);
	assert_int_equal(sqlite3_changes(db), 1);
	(void)sqlite3_finalize(add);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int make(struct desk *d, const char *settings, struct document *ret_document)
{
	json_t *value = json_loads(settings, 0, NULL);
	const struct document_device device = {.name = "box", .files = FILES, .settings = value};
	int rc;

	assert_non_null(value);
	problem_fini(d->problem);
	rc = document_make(d->at.store, &device, ret_document, d->problem);
	json_decref(value);
	return rc;
}

void told(struct desk *d, int rc, int code, const char *pointer, const char *text)
{
	struct problem *p = d->problem;

	for (size_t i = 0; i < p->count; i++)
		if (rc == code && strcmp(p->items[i].pointer, pointer) == 0 &&
		    strstr(p->items[i].text, text)) {
			problem_fini(p);
			return;
		}
	fail_msg("wanted %s at \"%s\": %s; got %d (%s), %zu: first at \"%s\": %s", err_text(code),
	         pointer, text, rc, err_text(rc), p->count, p->count ? p->items[0].pointer : "-",
	         p->count ? p->items[0].text : "-");
}

void put_certificates(struct desk *d)
{
	EVP_PKEY *sign_key = make_ec("P-256");
	X509 *sign = make_ca(sign_key, "Signs", d->root, d->root_key, -1, 100);

	assert_int_equal(desk_take_ca(d, "root", desk_pem(NULL, NULL, d->root, NULL), "root"), 0);
	assert_int_equal(desk_take_ca(d, "middle", desk_pem(NULL, NULL, d->middle, NULL), "middle"),
	                 0);
	assert_int_equal(desk_take(d, "shop", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "shop"),
	                 0);
	assert_int_equal(desk_take(d, "sign", desk_pem(sign_key, NULL, sign, NULL), "sign"), 0);
	X509_free(sign);
	EVP_PKEY_free(sign_key);
}

void put_configuration(struct desk *d)
{
	put_certificates(d);
	(void)put(d, OBJECT_FILE, "rules.txt",
	          "{\"content\": \"rules\", \"size\": 7, \"sha256\": "
	          "\"1111111111111111111111111111111111111111111111111111111111111111\"}");
	(void)put(d, OBJECT_TRUST_STORE, "partners", "{\"ca_certificates\": [\"middle\"]}");
	(void)put(d, OBJECT_SERVER_PROXY, "web",
	          "{\"destinations\": [\"10.0.0.1\"], \"detection_ports\": [443], "
	          "\"certificates\": [\"shop\"], \"server_trust\": \"partners\"}");
	(void)put(d, OBJECT_CLIENT_PROXY, "out",
	          "{\"signing_certificate\": \"sign\", \"detection_ports\": [443]}");
	(void)put(d, OBJECT_DECRYPTION_POLICY, "banks", "{\"domains\": [\"*.bank.test\"]}");
	(void)put(d, OBJECT_ACTION_SET, "stop", "{\"action\": \"block\"}");
	(void)put(d, OBJECT_PROFILE, "strict",
	          "{\"ssl_server_policies\": [{\"name\": \"in\", \"proxy\": \"web\"}], "
	          "\"ssl_client_policies\": [{\"name\": \"from\", \"proxy\": \"out\", "
	          "\"decryption_policy\": \"banks\"}], \"filters\": [{\"rules\": "
	          "\"/files/rules.txt\", \"action_set\": \"stop\"}]}");
	(void)put(d, OBJECT_VIRTUAL_SEGMENT, "all",
	          "{\"segment\": \"wan\", \"profile\": \"strict\"}");
}
