/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include "ndr/testing-hard.h"

#define CHECK(condition) assert(!check || (condition))

static const IID other_iid = {0x11111111, 2, 3, {4}};

bool hard_peer_may_refuse;

/* The call was not made, or its reply not believed: then [out] is zero and [in, out] as it was. A failing
 * HRESULT that a liar writes into a reply is the method's own. */
static bool refused(HRESULT hr)
{
    return !hard_peer_may_refuse && HRESULT_FACILITY(hr) == FACILITY_WIN32 && FAILED(hr);
}

static void release(IUnknown *object)
{
    if (object) object->lpVtbl->Release(object);
}

static void enc_free(Enc *e)
{
    if (e->tag == 2) CoTaskMemFree(e->u.s);
}

static void call_enc(IHard *proxy, bool check)
{
    Enc e = {.tag = 2, .u.s = (WCHAR *)u"hello"}, io = {.tag = 1, .u.l = 5}, o = {0};
    HRESULT hr = IHard_EncIn(proxy, &e, &io, &o);
    CHECK(hr == S_OK && o.tag == 2 && o.u.s[4] == 'o' && io.tag == 2 && hard_text_length(io.u.s) == 11);
    assert(!refused(hr) || (io.tag == 1 && io.u.l == 5 && o.tag == 0));
    enc_free(&o);
    hr = IHard_EncIn(proxy, &e, &io, &o);
    CHECK(hr == S_OK && io.tag == 1 && io.u.l == 77);
    enc_free(&io);
    enc_free(&o);
    memset(&o, 0, sizeof(o));
    Enc real = {.tag = 3, .u.d = 1.5}, empty = {.tag = 4};
    hr = IHard_EncIn(proxy, &real, &empty, &o);
    CHECK(hr == S_OK && o.u.d == 1.5 && empty.tag == 4);
    enc_free(&o);
    enc_free(&empty);
}

static void non_free(HasNon *h)
{
    if (h->vt == 2) hard_tree_free(h->n.t);
    if (h->vt == 4) release(h->n.punk);
    if (h->vt == 5 || h->vt == 6) SysFreeString(h->n.bs);
    memset(h, 0, sizeof(*h));
}

static void call_non(IHard *proxy, bool check)
{
    Tree leaf = {7, NULL, NULL}, root = {1, &leaf, NULL};
    Arm n = {.l = 3};
    HasNon h = {2, {.t = &root}, 9}, o = {0};
    HRESULT hr = IHard_NonIn(proxy, 1, &n, &h, &o);
    CHECK(hr == S_OK && o.vt == 2 && o.tail == 9 && o.n.t->v == 2 && o.n.t->l->v == 8 && !o.n.t->r);
    assert(!refused(hr) || o.vt == 0);
    non_free(&o);
    h.vt = 3;
    h.n.h = (hyper)1 << 40;
    n.t = NULL;
    hr = IHard_NonIn(proxy, 2, &n, &h, &o);
    CHECK(hr == S_OK && o.n.h == (hyper)1 << 40);
    non_free(&o);
}

static void call_non_owning(IHard *proxy, bool check)
{
    IUnknown *object = test_object_new(&IID_IUnknown, "abc", 3);
    BSTR text = SysAllocStringLen(u"xyz", 3);
    HasNon h = {4, {.punk = object}, 1}, o = {0};
    Arm n = {.bs = text};
    size_t length;
    HRESULT hr = IHard_NonIn(proxy, 5, &n, &h, &o);
    CHECK(hr == S_OK && o.vt == 4 && o.n.punk && test_object_data(o.n.punk, &length)[2] == 'c');
    non_free(&o);
    h.vt = 6;
    h.n.bs = text;
    hr = IHard_NonIn(proxy, 77, &n, &h, &o); /* the default arm, which is empty */
    CHECK(hr == S_OK && SysStringLen(o.n.bs) == 3);
    non_free(&o);
    release(object);
    SysFreeString(text);
}

typedef union CsRoom {
    Cs c;
    CsEnd e;
    char bytes[64];
} CsRoom;
typedef union CvsRoom {
    Cvs v;
    char bytes[64];
} CvsRoom;

static void call_conformant(IHard *proxy, bool check)
{
    CsRoom c = {.c = {.n = 3}}, end = {.e = {.h = 4, .c = {.n = 2}}};
    CvsRoom v = {.v = {5, 2}};
    Cs *values = &c.c;
    values->a[0] = 1;
    values->a[2] = 3;
    HasCs h = {1, NULL, &c.c, &v.v};
    Cs *o = NULL;
    HRESULT hr = IHard_ConfS(proxy, &c.c, NULL, &h, &end.e, &o);
    CHECK(hr == S_FALSE && o && o->n == 3 && o->a[2] == 3);
    if (o) test_touch(o, offsetof(Cs, a) + o->n * sizeof(o->a[0]));
    CoTaskMemFree(o);
    o = NULL;
    h.v = NULL;
    h.c1 = &c.c;
    hr = IHard_ConfS(proxy, &c.c, &c.c, &h, &end.e, &o);
    CHECK(hr == S_OK && o);
    CoTaskMemFree(o);
}

static void call_conformant_pointers(IHard *proxy, bool check)
{
    Tree leaf = {7, NULL, NULL};
    union {
        Csp c;
        char bytes[64];
    } p = {.c = {.k = 4, .n = 3}};
    Csp *values = &p.c;
    values->a[0] = values->a[2] = &leaf;
    Csp *o = NULL;
    HRESULT hr = IHard_ConfP(proxy, &p.c, &o);
    CHECK(hr == S_OK && o && o->n == 3 && o->k == 4 && !o->a[1] && o->a[2]->v == 8);
    for (unsigned i = 0; o && i < o->n; i++) {
        hard_tree_touch(o->a[i]);
        hard_tree_free(o->a[i]);
    }
    CoTaskMemFree(o);
}

static void call_varying(IHard *proxy, bool check)
{
    CvsRoom v = {.v = {5, 2}};
    Cvs *io = calloc(1, offsetof(Cvs, a) + 5 * sizeof(short));
    assert(io);
    io->mx = 5;
    io->len = 2;
    io->a[0] = 10;
    io->a[4] = 44;
    HRESULT hr = IHard_ConfV(proxy, &v.v, io);
    CHECK(hr == S_OK && io->a[0] == 15);
    assert(!refused(hr) || io->a[4] == 44);
    free(io);
}

static void call_fixed(IHard *proxy, bool check)
{
    Fix f = {1, {1, 2, 3}, u"name", 2.5, {{1, 2, 3}, {4, 5, 6}}}, fo;
    Odd o = {1, 2.5, 3, 4, 'c'}, oo;
    Pad pad = {1, 100};
    GUID g = {1000, 2, 3, {4}};
    HRESULT hr = IHard_FixO(proxy, &f, &o, &fo, &oo, o, pad, g);
    CHECK(hr == S_OK && fo.a[2] == 3 && fo.name[3] == 'e' && fo.d == 2.5 && fo.m[1][2] == 6);
    CHECK(oo.d == 1105 && oo.h == 4 && oo.c == 'c' && oo.s == 3);
    Fix zero = {0};
    assert(!refused(hr) || memcmp(&fo, &zero, sizeof(fo)) == 0);
}

static void hold_free(UmHold *hold)
{
    SysFreeString(hold->s);
    SysFreeString(hold->t);
    memset(hold, 0, sizeof(*hold));
}

static void call_bstr(IHard *proxy, bool check)
{
    UmHold u = {1, SysAllocStringLen(u"one", 3), 22, SysAllocStringLen(u"three", 5)}, o = {0};
    BSTR null = NULL, io = SysAllocStringLen(u"old", 3), kept = io, odd = SysAllocStringByteLen("12345", 5);
    HRESULT hr = IHard_Um(proxy, &u, &null, &io, &o, odd);
    CHECK(hr == S_OK && o.h == 22 && SysStringLen(o.s) == 5 && !o.t && SysStringLen(io) == 3 && io[0] == 'n');
    assert(!refused(hr) || io == kept);
    hold_free(&o);
    hr = IHard_Um(proxy, &u, NULL, &null, &o, NULL);
    CHECK(hr == S_OK && SysStringLen(null) == 3);
    hold_free(&o);
    hold_free(&u);
    SysFreeString(null);
    SysFreeString(io);
    SysFreeString(odd);
}

static void call_strings(IHard *proxy, bool check)
{
    LPWSTR names[3] = {(WCHAR *)u"a", NULL, (WCHAR *)u"ccc"}, arr[2] = {(WCHAR *)u"x", NULL}, o = NULL;
    BSTR bs[3] = {SysAllocStringLen(u"q", 1), NULL, NULL};
    Strs s = {3, names, bs};
    WCHAR *io = calloc(8, sizeof(WCHAR));
    assert(io);
    memcpy(io, u"abc", 8);
    ULONG cb = 8;
    HRESULT hr = IHard_St(proxy, &s, (char *)"narrow", u"wide", 2, arr, &o, io, &cb);
    CHECK(hr == S_OK && o && hard_text_length(o) == 4 && io[0] == 'Z' && io[1] == 'b' && cb == 8);
    assert(!refused(hr) || (io[0] == 'a' && cb == 8));
    test_touch(io, 16);
    CoTaskMemFree(o);
    free(io);
    SysFreeString(bs[0]);
}

static void call_interfaces(IHard *proxy, bool check)
{
    IUnknown *object = test_object_new(&IID_IUnknown, "abc", 3), *in[3] = {object, NULL, object};
    IUnknown **o = calloc(4, sizeof(*o));
    assert(o);
    ULONG got = 0;
    HRESULT hr = IHard_Arr(proxy, 3, in, 4, &got, o);
    CHECK(hr == S_OK && got == 3 && o[0] && !o[1] && o[2] && !o[3]);
    for (ULONG i = 0; i < 4; i++)
        release(o[i]);
    release(object);
    free(o);
}

static void call_arrays(IHard *proxy, bool check)
{
    LONG u[3] = {1, 2, 3}, q[4] = {1000, 0, 0, 2000};
    short sl[8] = {10, 20, 30}, r[2] = {0};
    hyper sum = 0;
    HRESULT hr = IHard_Arr2(proxy, 3, u, 3, sl, &sum, q, r);
    CHECK(hr == S_OK && sum == 3066 && r[1] == 2);
    hr = IHard_Arr2(proxy, 3, NULL, 0, sl, &sum, q, r);
    CHECK(hr == S_OK && sum == 3000);
}

static void call_pointers(IHard *proxy, bool check)
{
    Tree leaf = {7, NULL, NULL}, root = {1, &leaf, &leaf}, *io = CoTaskMemAlloc(sizeof(*io)), *o = NULL;
    if (!io) return;
    *io = (Tree){3, NULL, NULL};
    LONG v = 9, *pv = &v, cell = 1;
    HRESULT hr = IHard_Ptrs(proxy, &root, &leaf, &io, &o, &v, &pv, &cell);
    CHECK(hr == S_OK && io && io->v == 4 && o->r->v == 8 && cell == 99);
    assert(!refused(hr) || (io->v == 3 && !o && cell == 1));
    hard_tree_touch(io);
    hard_tree_free(io);
    hard_tree_touch(o);
    hard_tree_free(o);
    o = NULL;
    hr = IHard_Ptrs(proxy, &leaf, NULL, NULL, &o, NULL, NULL, NULL);
    CHECK(hr == S_OK && o);
    hard_tree_free(o);
}

static void call_enums(IHard *proxy, bool check)
{
    En e = {E1, L9, {E7, E0}}, o;
    E16 x = E0;
    HRESULT hr = IHard_Ens(proxy, &e, &x, L9, &o, 3, -7);
    CHECK(hr == 9 && x == E7 && o.c[0] == E7 && o.b == L9);
}

static void call_iid(IHard *proxy, bool check)
{
    IUnknown *p = test_object_new(&other_iid, "abc", 3), *o = NULL, *io = test_object_new(&other_iid, "q", 1),
             *kept = io;
    HRESULT hr = IHard_Iid(proxy, &other_iid, p, &o, &io);
    CHECK(hr == S_OK && o && test_object_iid(o)->Data1 == 0x11111111 && io && io != kept);
    assert(!refused(hr) || (io == kept && !o));
    release(o);
    release(io);
    o = io = NULL;
    hr = IHard_Iid(proxy, &other_iid, NULL, &o, &io);
    CHECK(hr == S_OK && !o && io);
    release(o);
    release(io);
    release(p);
}

static void call_blob(IHard *proxy, bool check)
{
    byte data[100] = {1, 2, 3}, *q = NULL;
    ULONG m = 0;
    HRESULT hr = IHard_Blob(proxy, 100, data, &m, &q);
    CHECK(hr == S_OK && m == 100 && q[2] == 3);
    if (q) test_touch(q, m);
    CoTaskMemFree(q);
}

static void call_scalars(IHard *proxy, bool check)
{
    hyper sum = 0;
    double real = 0;
    HRESULT hr = IHard_Scalars(proxy, -1, -2, -3, -4, 0.5f, 0.25, 1, 100, 200, 'a', &sum, &real);
    CHECK(hr == S_OK && sum == -10 + 1 + 100 + 200 + 'a' && real == 0.75);
}

static void call_sizes(IHard *proxy, bool check)
{
    byte b[16] = {0};
    LONG more[4] = {1, 2, 3, 4}, sum = 0;
    Ops ops = {5, b, b, b, b, b};
    HRESULT hr = IHard_Sizes(proxy, &ops, 3, more, &sum);
    CHECK(hr == S_OK && sum == 10);
    hr = IHard_Loc(proxy, b, 9);
    CHECK(hr == 9);
}

static void call_own(IHard *proxy, bool check)
{
    Narrow b = CoTaskMemAlloc(4), c = NULL;
    if (!b) return;
    memcpy(b, "old", 4);
    HRESULT hr = IHard_Own(proxy, (Narrow) "narrow", &b, &c);
    CHECK(hr == S_OK && strcmp(b, "narrow") == 0 && strcmp(c, "old") == 0);
    assert(!refused(hr) || (strcmp(b, "old") == 0 && !c));
    CoTaskMemFree(b);
    CoTaskMemFree(c);
    b = c = NULL;
    hr = IHard_Own(proxy, NULL, &b, &c);
    CHECK(hr == S_OK && !b && !c);
    CoTaskMemFree(b);
    CoTaskMemFree(c);
}

const HardCaller hard_callers[] = {
    {"encapsulated unions", call_enc},
    {"unions", call_non},
    {"unions that own", call_non_owning},
    {"conformant structures", call_conformant},
    {"conformant structures of pointers", call_conformant_pointers},
    {"conformant varying structures", call_varying},
    {"fixed arrays and padding", call_fixed},
    {"BSTRs", call_bstr},
    {"strings", call_strings},
    {"arrays of interfaces", call_interfaces},
    {"arrays", call_arrays},
    {"pointers", call_pointers},
    {"enumerations and ranges", call_enums},
    {"iid_is", call_iid},
    {"sized by an [out] argument", call_blob},
    {"scalars", call_scalars},
    {"size expressions, call_as", call_sizes},
    {"a program's own wire_marshal", call_own},
};
const size_t hard_callers_count = ARRAY_SIZE(hard_callers);
