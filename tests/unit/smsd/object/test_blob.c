/* SPDX-License-Identifier: Apache-2.0 */
/* Files: uploads in pieces, what they are said to be, bytes once, and what is swept. */
#include "smsd/object/blob.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/object/shelf.h"

enum { PIECE = BLOB_PIECE_MAX, DAY_S = 24 * 3600 };

static const struct actor other = {.person = 99, .name = "other", .via = "session"};

static int64_t begin(struct desk *d)
{
	int64_t id = 0;

	assert_int_equal(blob_upload_begin(d->at.store, &place_actor, &id, d->problem), 0);
	return id;
}

static int add(struct desk *d, int64_t id, uint64_t offset, const void *data, size_t len)
{
	uint64_t size = 0;
	int rc = blob_upload_add(d->at.store, &place_actor, id, offset, data, len, &size,
	                         d->problem);

	if (rc == 0)
		assert_int_equal(size, offset + len);
	return rc;
}

static int64_t upload(struct desk *d, const char *text)
{
	int64_t id = begin(d);

	assert_int_equal(add(d, id, 0, text, strlen(text)), 0);
	return id;
}

static int finish(struct desk *d, int64_t id, enum blob_content content, const char *name,
                  int64_t revision)
{
	return blob_finish(d->at.store, &place_actor, id, content, name, revision, NULL,
	                   d->problem);
}

/* A new file of this text; the code. */
static int bring(struct desk *d, enum blob_content content, const char *name, const char *text)
{
	return finish(d, upload(d, text), content, name, 0);
}

static json_t *body_of(struct desk *d, const char *name)
{
	struct object object;
	json_t *body;

	assert_int_equal(object_get(d->at.store, OBJECT_FILE, name, &object, d->problem), 0);
	body = json_incref(object.body);
	object_fini(&object);
	return body;
}

static void digest_of(struct desk *d, const char *name, uint8_t sha256[BLOB_DIGEST])
{
	json_t *body = body_of(d, name);

	assert_int_equal(
	        blob_digest_parse(json_string_value(json_object_get(body, "sha256")), sha256), 0);
	json_decref(body);
}

static int read_all(struct desk *d, const uint8_t sha256[BLOB_DIGEST], uint64_t offset, size_t max,
                    struct buf *out)
{
	buf_init(out, 8 * PIECE);
	return blob_read(d->at.store, sha256, offset, max, out);
}

static void an_upload_in_pieces_is_a_file_of_its_bytes(void **state)
{
	const size_t len = 2 * PIECE + 4711;
	struct desk *d = *state;
	uint8_t sha256[BLOB_DIGEST], wanted[BLOB_DIGEST];
	char *text = malloc(len);
	int64_t id = begin(d);
	struct buf out;

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = i % 61 == 60 ? '\n' : (char)('a' + i * i % 23);
	assert_int_equal(add(d, id, 0, text, 2 * PIECE), 0);
	assert_int_equal(add(d, id, 2 * PIECE, text + 2 * PIECE, 4711), 0);
	assert_int_equal(finish(d, id, BLOB_RULES, "big.rules", 0), 0);
	assert_true(EVP_Digest(text, len, wanted, NULL, EVP_sha256(), NULL));
	digest_of(d, "big.rules", sha256);
	assert_memory_equal(sha256, wanted, sizeof(wanted));
	assert_int_equal(read_all(d, sha256, 0, len + 1, &out), 0);
	assert_int_equal(out.len, len);
	assert_memory_equal(out.data, text, len);
	buf_fini(&out);
	assert_int_equal(read_all(d, sha256, PIECE - 3, PIECE + 10, &out), 0);
	assert_int_equal(out.len, PIECE + 10);
	assert_memory_equal(out.data, text + PIECE - 3, PIECE + 10);
	buf_fini(&out);
	assert_int_equal(read_all(d, sha256, len, 10, &out), 0);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	told(d, finish(d, id, BLOB_RULES, "again", 0), SL_ENOENT, "", "no upload");
	free(text);
}

static void bytes_go_on_where_they_ended(void **state)
{
	struct desk *d = *state;
	char *text = calloc(1, PIECE);
	int64_t id = begin(d), size;

	assert_non_null(text);
	told(d, add(d, id, 5, "x", 1), SL_ECONFLICT, "", "0 bytes are here, not 5");
	assert_int_equal(add(d, id, 0, text, PIECE), 0);
	told(d, add(d, id, 0, text, PIECE), SL_ECONFLICT, "", "1048576 bytes are here");
	told(d, add(d, id, PIECE, "", 0), SL_EINVAL, "", "nothing came");
	assert_int_equal(add(d, id, PIECE, "rest", 4), 0);
	told(d, add(d, id, PIECE + 4, "more", 4), SL_EINVAL, "", "had its last piece");
	told(d,
	     blob_upload_add(d->at.store, &other, id, PIECE + 4, "more", 4, (uint64_t *)&size,
	                     d->problem),
	     SL_ENOENT, "", "no upload");
	told(d, blob_upload_drop(d->at.store, &other, id, d->problem), SL_ENOENT, "", "no upload");
	told(d, blob_finish(d->at.store, &other, id, BLOB_RULES, "theirs", 0, NULL, d->problem),
	     SL_ENOENT, "", "no upload");
	assert_int_equal(blob_upload_drop(d->at.store, &place_actor, id, d->problem), 0);
	told(d, add(d, id, PIECE + 4, "more", 4), SL_ENOENT, "", "no upload");
	told(d, finish(d, begin(d), BLOB_RULES, "empty", 0), SL_EINVAL, "/upload", "is empty");
	free(text);
}

static void so_many_are_under_way_at_once(void **state)
{
	struct desk *d = *state;
	int64_t id, first = begin(d);

	for (int i = 1; i < BLOB_UPLOADS_MAX; i++)
		(void)begin(d);
	told(d, blob_upload_begin(d->at.store, &place_actor, &id, d->problem), SL_ELIMIT, "",
	     "64 uploads");
	assert_int_equal(blob_upload_drop(d->at.store, &place_actor, first, d->problem), 0);
	(void)begin(d);
}

static void what_it_is_said_to_be_is_looked_at(void **state)
{
	struct desk *d = *state;

	assert_int_equal(bring(d, BLOB_DOMAINS, "list",
	                       "\xef\xbb\xbf*.bank.test\r\n\n# words\na.test # why\nlast.test"),
	                 0);
	told(d, bring(d, BLOB_DOMAINS, "bad", "a.test\nb..test\n"), SL_EMALFORMED, "/upload",
	     "line 2: \"b..test\" is not a domain");
	told(d,
	     bring(d, BLOB_DOMAINS, "bad",
	           "a.test\n\xef\xbb\xbf"
	           "b.test"),
	     SL_EMALFORMED, "/upload", "line 2: \"???b.test\"");
	told(d, bring(d, BLOB_DOMAINS, "bad", "a.test\nno domain"), SL_EMALFORMED, "/upload",
	     "line 2: \"no domain\"");
	assert_int_equal(bring(d, BLOB_RULES, "rules", "alert # \xc3\xa4\n"), 0);
	told(d, bring(d, BLOB_RULES, "bad", "fine\n\xff\xfe\n"), SL_EMALFORMED, "/upload",
	     "line 2: \"??\" is no UTF-8");
	told(d, bring(d, BLOB_RULES, "bad", "\n-----BEGIN PRIVATE KEY-----\nMA==\n"), SL_EMALFORMED,
	     "/upload", "begins a certificate or a key");
	told(d, bring(d, BLOB_CRL, "bad", "nothing of that"), SL_EMALFORMED, "/upload", "");
	told(d, bring(d, BLOB_RULES, "a/b", "x"), SL_EINVAL, "/name", "not possible");
	told(d, bring(d, BLOB_RULES, "rules", "x"), SL_EEXIST, "/name", "already");
}

/* A character, and a line, may lie on both sides of a piece's end. */
static void a_line_may_begin_in_one_piece_and_end_in_the_next(void **state)
{
	struct desk *d = *state;
	char *text = malloc(PIECE + 64);
	int64_t id;

	assert_non_null(text);
	memset(text, '#', PIECE);
	for (size_t i = 1000; i < PIECE; i += 1000)
		text[i] = '\n';
	memcpy(text + PIECE - 9, "\nsplit.te", 9);
	memcpy(text + PIECE, "st\nb..test\n", 11);
	id = begin(d);
	assert_int_equal(add(d, id, 0, text, PIECE), 0);
	assert_int_equal(add(d, id, PIECE, text + PIECE, 11), 0);
	told(d, finish(d, id, BLOB_DOMAINS, "list", 0), SL_EMALFORMED, "/upload", "\"b..test\"");
	memcpy(text + PIECE - 1, "\xc3", 1);
	id = begin(d);
	assert_int_equal(add(d, id, 0, text, PIECE), 0);
	assert_int_equal(add(d, id, PIECE, "\xa4\n", 2), 0);
	assert_int_equal(finish(d, id, BLOB_RULES, "rules", 0), 0);
	memset(text, 'x', PIECE);
	id = begin(d);
	assert_int_equal(add(d, id, 0, text, PIECE), 0);
	assert_int_equal(add(d, id, PIECE, "xx", 2), 0);
	told(d, finish(d, id, BLOB_RULES, "long", 0), SL_EMALFORMED, "/upload",
	     "line 1 is longer than");
	free(text);
}

static void a_list_of_revoked_certificates_is_read(void **state)
{
	struct desk *d = *state;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *then = X509_gmtime_adj(NULL, 86400);
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	assert_true(X509_CRL_set_version(crl, 1));
	assert_true(X509_CRL_set_issuer_name(crl, X509_get_subject_name(d->root)));
	assert_true(X509_CRL_set1_lastUpdate(crl, now) && X509_CRL_set1_nextUpdate(crl, then));
	assert_true(X509_CRL_sign(crl, d->root_key, EVP_sha256()));
	assert_true(PEM_write_bio_X509_CRL(bio, crl));
	assert_true(BIO_write(bio, "", 1) == 1);
	len = BIO_get_mem_data(bio, &pem);
	assert_true(len > 100);
	assert_int_equal(bring(d, BLOB_CRL, "revoked", pem), 0);
	ASN1_TIME_free(now);
	ASN1_TIME_free(then);
	X509_CRL_free(crl);
	BIO_free(bio);
}

static void a_file_is_replaced_by_one_of_its_kind(void **state)
{
	struct desk *d = *state;
	json_t *body;

	assert_int_equal(bring(d, BLOB_RULES, "rules", "one\n"), 0);
	told(d, finish(d, upload(d, "a.test"), BLOB_DOMAINS, "rules", 1), SL_EMISMATCH, "/content",
	     "is one of rules");
	told(d, finish(d, upload(d, "two\n"), BLOB_RULES, "rules", 2), SL_ECONFLICT, "",
	     "revision 1 is there");
	assert_int_equal(finish(d, upload(d, "two\n"), BLOB_RULES, "rules", 1), 0);
	body = body_of(d, "rules");
	assert_int_equal(json_integer_value(json_object_get(body, "size")), 4);
	json_decref(body);
	assert_int_equal(place_audited(d->place, "replace", "rules"), 1);
	told(d, blob_delete(d->at.store, &place_actor, "rules", 1, NULL, d->problem), SL_ECONFLICT,
	     "", "revision 2");
	assert_int_equal(blob_delete(d->at.store, &place_actor, "rules", 2, NULL, d->problem), 0);
}

static void the_same_bytes_are_there_once(void **state)
{
	struct desk *d = *state;
	uint8_t one[BLOB_DIGEST], two[BLOB_DIGEST];
	struct buf out;

	assert_int_equal(bring(d, BLOB_RULES, "one", "the same\n"), 0);
	assert_int_equal(bring(d, BLOB_RULES, "two", "the same\n"), 0);
	digest_of(d, "one", one);
	digest_of(d, "two", two);
	assert_memory_equal(one, two, sizeof(one));
	assert_int_equal(blob_delete(d->at.store, &place_actor, "one", 1, NULL, d->problem), 0);
	place_wait(2 * DAY_S);
	assert_int_equal(blob_sweep(d->at.store, moment_now_ms()), 0);
	assert_int_equal(read_all(d, two, 0, 100, &out), 0);
	assert_int_equal(out.len, 9);
	buf_fini(&out);
}

static int put_bytes(void *arg, struct store_tx *tx)
{
	return blob_put(tx, "made here", 9, arg);
}

static void what_nothing_names_is_swept_after_a_day(void **state)
{
	struct desk *d = *state;
	uint8_t replaced[BLOB_DIGEST], chain[BLOB_DIGEST];
	int64_t left = upload(d, "never finished\n");
	struct buf out;

	assert_int_equal(bring(d, BLOB_RULES, "rules", "old\n"), 0);
	digest_of(d, "rules", replaced);
	assert_int_equal(finish(d, upload(d, "new\n"), BLOB_RULES, "rules", 1), 0);
	assert_int_equal(store_write(d->at.store, put_bytes, chain), 0);
	assert_int_equal(blob_sweep(d->at.store, moment_now_ms()), 0);
	assert_int_equal(read_all(d, replaced, 0, 100, &out), 0);
	buf_fini(&out);

	/* A distribution that is being made has it again, and may still be writing that down. */
	place_wait(2 * DAY_S);
	assert_int_equal(store_write(d->at.store, put_bytes, chain), 0);
	assert_int_equal(blob_sweep(d->at.store, moment_now_ms()), 0);
	assert_int_equal(read_all(d, replaced, 0, 100, &out), SL_ENOENT);
	assert_int_equal(read_all(d, chain, 0, 100, &out), 0);
	buf_fini(&out);

	/* And a device may be about to fetch it. */
	add_device(d, "box", "{}");
	send_file(d, chain, 9);
	place_wait(2 * DAY_S);
	assert_int_equal(blob_sweep(d->at.store, moment_now_ms()), 0);
	assert_int_equal(read_all(d, chain, 0, 100, &out), 0);
	buf_fini(&out);
	told(d, finish(d, left, BLOB_RULES, "late", 0), SL_ENOENT, "", "left alone for a day");
}

static void digests_are_written_in_one_way(void **state)
{
	uint8_t sha256[BLOB_DIGEST] = {0xab, 1}, back[BLOB_DIGEST];
	char hex[BLOB_HEX_MAX];

	assert_int_equal(blob_digest_parse(blob_digest_text(sha256, hex), back), 0);
	assert_memory_equal(sha256, back, sizeof(back));
	hex[0] = 'A';
	assert_int_equal(blob_digest_parse(hex, back), SL_EMALFORMED);
	hex[0] = 'a';
	hex[63] = '\0';
	assert_int_equal(blob_digest_parse(hex, back), SL_EMALFORMED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(an_upload_in_pieces_is_a_file_of_its_bytes),
	        TEST(bytes_go_on_where_they_ended),
	        TEST(so_many_are_under_way_at_once),
	        TEST(what_it_is_said_to_be_is_looked_at),
	        TEST(a_line_may_begin_in_one_piece_and_end_in_the_next),
	        TEST(a_list_of_revoked_certificates_is_read),
	        TEST(a_file_is_replaced_by_one_of_its_kind),
	        TEST(the_same_bytes_are_there_once),
	        TEST(what_nothing_names_is_swept_after_a_day),
	        TEST(digests_are_written_in_one_way),
	};

	return RUN_TESTS(tests);
}
