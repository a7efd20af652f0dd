/* SPDX-License-Identifier: Apache-2.0 */
/* The best peer of goals 1 and 2: ONC RPC by libtirpc, sealed by RPCSEC_GSS with Kerberos (krb5p). */
#include <rpc/rpc.h>
#include <rpc/rpcsec_gss.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/anchor.h"
#include "tests/bench/realm.h"

#define PROGRAM    0x20000099u
#define VERSION    1u
#define ECHO       1u
#define LENGTH_MAX 4096u
/* libtirpc takes no token above 1,024 bytes, so this service's tickets carry no PAC. */
#define SERVICE "onc@a.lab.test"
#define MAKE_SERVICE                                                                                         \
    "(echo addprinc -randkey +no_auth_data_required onc/a.lab.test; "                                        \
    "echo ktadd -k %s onc/a.lab.test) | KRB5_KDC_PROFILE=%s kadmin.local -r LAB.TEST >/dev/null 2>&1"

typedef struct Bytes {
    char *data;
    u_int length;
} Bytes;

typedef struct OncEcho {
    CLIENT *client;
    Bytes out, in;
} OncEcho;

static bool_t code_bytes(XDR *xdr, Bytes *bytes)
{
    return xdr_bytes(xdr, &bytes->data, &bytes->length, LENGTH_MAX);
}

static void dispatch(struct svc_req *request, SVCXPRT *transport)
{
    static char data[LENGTH_MAX];
    Bytes bytes = {data, 0};

    if (request->rq_proc != ECHO)
        svcerr_noproc(transport);
    else if (!svc_getargs(transport, (xdrproc_t)code_bytes, &bytes))
        svcerr_decode(transport);
    else
        (void)svc_sendreply(transport, (xdrproc_t)code_bytes, &bytes);
}

static _Noreturn void serve(int listener, const char *keytab)
{
    char service[] = SERVICE, mechanism[] = "kerberos_v5";

    if (setenv("KRB5_KTNAME", keytab, 1) < 0 ||
        !rpc_gss_set_svc_name(service, mechanism, 0, PROGRAM, VERSION))
        _exit(1);
    SVCXPRT *transport = svc_vc_create(listener, 0, 0);
    /* Without a netconfig nothing is told to rpcbind. */
    if (!transport || !svc_reg(transport, PROGRAM, VERSION, dispatch, NULL)) _exit(1);
    svc_run();
    _exit(0);
}

static void make_service(const char *keytab)
{
    char command[2 * REALM_PATH_MAX + sizeof(MAKE_SERVICE)], config[REALM_PATH_MAX];

    (void)snprintf(command, sizeof(command), MAKE_SERVICE, keytab, realm_path(config, "kdc.conf"));
    if (system(command) != 0 || access(keytab, R_OK) < 0)
        measure_fail("the KDC makes no service for libtirpc");
}

static int start(struct sockaddr_in *ret_address, pid_t *ret_pid)
{
    char keytab[REALM_PATH_MAX];
    const int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    socklen_t length = sizeof(*ret_address);

    make_service(realm_path(keytab, "onc.keytab"));
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (listener < 0 || fd < 0 || bind(listener, (struct sockaddr *)ret_address, length) < 0 ||
        listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)ret_address, &length) < 0)
        measure_fail("no connection over loopback: %m");
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(1);
        serve(listener, keytab);
    }
    close(listener);
    if (pid < 0 || connect(fd, (struct sockaddr *)ret_address, length) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        measure_fail("no connection over loopback: %m");
    *ret_pid = pid;
    return fd;
}

static void run(void *data, unsigned count)
{
    OncEcho *echo = data;
    const struct timeval patience = {.tv_sec = 5};

    while (count-- > 0)
        if (clnt_call(echo->client, ECHO, (xdrproc_t)code_bytes, (caddr_t)&echo->out, (xdrproc_t)code_bytes,
                      (caddr_t)&echo->in, patience) != RPC_SUCCESS ||
            echo->in.length != echo->out.length)
            measure_fail("an ONC RPC echo came back wrong");
}

Subject anchor_tirpc(size_t length)
{
    static char out[LENGTH_MAX], in[LENGTH_MAX];
    char service[] = SERVICE, mechanism[] = "kerberos_v5";
    Subject subject = {.run = run};
    struct sockaddr_in peer;
    rpc_gss_options_ret_t result;
    OncEcho *echo = calloc(1, sizeof(*echo));

    if (!echo || length > LENGTH_MAX) measure_fail("out of memory");
    const int fd = start(&peer, &subject.peers[0]);
    echo->client =
        clnt_vc_create(fd, &(struct netbuf){sizeof(peer), sizeof(peer), &peer}, PROGRAM, VERSION, 0, 0);
    if (!echo->client) measure_fail("libtirpc makes no client");
    echo->client->cl_auth =
        rpc_gss_seccreate(echo->client, service, mechanism, rpcsec_gss_svc_privacy, NULL, NULL, &result);
    if (!echo->client->cl_auth) measure_fail("%s", clnt_sperror(echo->client, "RPCSEC_GSS"));
    echo->out = (Bytes){out, (u_int)length};
    echo->in = (Bytes){in, 0};
    subject.data = echo;
    return subject;
}
