//go:build ignore

/*
 * The MPI shim: the site's MPI behind the ABI of shim.h. It is no part of the
 * Go build; the site's mpicc compiles it (see Build in shim.go):
 *
 *     mpicc -shared -fPIC -O2 -o libmuster-mpi-openmpi.so shim.c
 *
 * It checks nothing that the Go side has checked, keeps no state but what init
 * sets, and takes no lock: MPI_THREAD_MULTIPLE, or the Go side, orders calls.
 */
#include "shim.h"

#include <mpi.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#if defined(OPEN_MPI)
#define FLAVOUR "openmpi"
#elif defined(MPICH_VERSION) || defined(MPICH_NUMVERSION) || defined(I_MPI_VERSION) \
    || defined(MVAPICH2_VERSION) || defined(CRAY_MPICH_VERSION)
#define FLAVOUR "mpich"
#else
#define FLAVOUR "other"
#endif

#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* Read from the file by the Go side, so that a shim need not be loaded to be known. */
__attribute__((used)) static const char marker[] =
    "muster-mpi-shim abi=" STRING(MUSTER_MPI_ABI) " flavour=" FLAVOUR ";";

static MPI_Datatype types[MUSTER_KINDS];
static MPI_Op ops[MUSTER_OPS];
static const int sizes[MUSTER_KINDS] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 8, 16};
static int64_t max_count = INT_MAX; /* counts beyond it are passed in pieces */

/* A communicator's handle is MPI's own, carried in 64 bits. */
_Static_assert(sizeof(MPI_Comm) <= sizeof(int64_t), "MPI_Comm fits a handle");

static int64_t handle(MPI_Comm c) {
    int64_t h = 0;
    memcpy(&h, &c, sizeof c);
    return h;
}

static MPI_Comm comm(const muster_args *a) {
    MPI_Comm c;
    memcpy(&c, &a->comm, sizeof c);
    return c;
}

static int rank_of(int32_t r) {
    return r == MUSTER_ANY ? MPI_ANY_SOURCE : r == MUSTER_PROC_NULL ? MPI_PROC_NULL : r;
}

static int tag_of(int32_t t) { return t == MUSTER_ANY ? MPI_ANY_TAG : t; }

/* Empty buffers may be NULL in Go, which some MPIs take for an error. */
static char none[2];

static const void *sendbuf(const muster_args *a) {
    return a->in_place ? MPI_IN_PLACE : a->send ? a->send : &none[0];
}

static void *recvbuf(const muster_args *a) { return a->recv ? a->recv : &none[1]; }

static muster_result done(int code) {
    muster_result r = {0};
    r.code = code;
    return r;
}

/* A run of n elements as MPI takes it: a count and a type, made when n is
   beyond what MPI's int counts. close_run frees what open_run made. */
typedef struct { int n; MPI_Datatype type; int made; } run;

static int open_run(run *r, int64_t n, int kind) {
    r->type = types[kind];
    r->n = (int)n;
    r->made = 0;
    if (n <= max_count) return MPI_SUCCESS;
    int64_t blocks = n / max_count;
    if (blocks > INT_MAX) return MPI_ERR_COUNT;
    MPI_Datatype part[2], whole;
    int lengths[2] = {1, 1}, code;
    MPI_Aint at[2] = {0, (MPI_Aint)(blocks * max_count * sizes[kind])};
    if ((code = MPI_Type_vector((int)blocks, (int)max_count, (int)max_count, types[kind], &part[0]))) return code;
    if ((code = MPI_Type_contiguous((int)(n % max_count), types[kind], &part[1]))) {
        MPI_Type_free(&part[0]);
        return code;
    }
    code = MPI_Type_create_struct(2, lengths, at, part, &whole);
    MPI_Type_free(&part[0]);
    MPI_Type_free(&part[1]);
    if (code) return code;
    r->n = 1;
    r->type = whole;
    r->made = 1;
    return MPI_Type_commit(&r->type);
}

static int yielding; /* there are more processes than cores: see CALL */

static int wait_yielding(int code, MPI_Request *request, MPI_Status *status) {
    for (int done = 0; !code && !done;) {
        code = MPI_Test(request, &done, status);
        if (!done) sched_yield();
    }
    return code;
}

/* Makes a blocking call. MPICH polls for as long as its time slice lasts, while
   the process that it waits for has no core to run on; so if there are too few
   cores the call is started, and between polls the others have their turn. */
#define CALL(code, blocking, starting, ...)                                             \
    do {                                                                                \
        MPI_Request request;                                                            \
        code = yielding ? wait_yielding(starting(__VA_ARGS__, &request), &request, MPI_STATUS_IGNORE) \
                        : blocking(__VA_ARGS__);                                        \
    } while (0)

static void close_run(run *r) {
    if (r->made) MPI_Type_free(&r->type);
}

/* Smallest and largest of unsigned numbers, which MPICH 4.0 and Open MPI 4.1
   compare as if they were signed. */
#define PICK(T, OP)                                             \
    do {                                                        \
        const T *a = in;                                        \
        T *b = inout;                                           \
        for (int i = 0; i < *n; i++)                            \
            if (a[i] OP b[i]) b[i] = a[i];                      \
    } while (0)
#define PICK_UNSIGNED(OP)                                       \
    do {                                                        \
        if (*type == types[MUSTER_UINT8]) PICK(uint8_t, OP);    \
        else if (*type == types[MUSTER_UINT16]) PICK(uint16_t, OP); \
        else if (*type == types[MUSTER_UINT32]) PICK(uint32_t, OP); \
        else PICK(uint64_t, OP);                                \
    } while (0)

static void unsigned_min(void *in, void *inout, int *n, MPI_Datatype *type) { PICK_UNSIGNED(<); }
static void unsigned_max(void *in, void *inout, int *n, MPI_Datatype *type) { PICK_UNSIGNED(>); }

static MPI_Op unsigned_ops[MUSTER_OPS];

static MPI_Op op_of(const muster_args *a) {
    int is_unsigned = a->kind >= MUSTER_UINT8 && a->kind <= MUSTER_UINT64;
    return is_unsigned && (a->op == MUSTER_MIN || a->op == MUSTER_MAX) ? unsigned_ops[a->op] : ops[a->op];
}

static int set_tables(void) {
    types[MUSTER_BOOL] = MPI_C_BOOL;
    types[MUSTER_INT8] = MPI_INT8_T;
    types[MUSTER_INT16] = MPI_INT16_T;
    types[MUSTER_INT32] = MPI_INT32_T;
    types[MUSTER_INT64] = MPI_INT64_T;
    types[MUSTER_UINT8] = MPI_UINT8_T;
    types[MUSTER_UINT16] = MPI_UINT16_T;
    types[MUSTER_UINT32] = MPI_UINT32_T;
    types[MUSTER_UINT64] = MPI_UINT64_T;
    types[MUSTER_FLOAT32] = MPI_FLOAT;
    types[MUSTER_FLOAT64] = MPI_DOUBLE;
    types[MUSTER_COMPLEX64] = MPI_C_FLOAT_COMPLEX;
    types[MUSTER_COMPLEX128] = MPI_C_DOUBLE_COMPLEX;
    ops[MUSTER_SUM] = MPI_SUM;
    ops[MUSTER_PROD] = MPI_PROD;
    ops[MUSTER_MIN] = MPI_MIN;
    ops[MUSTER_MAX] = MPI_MAX;
    ops[MUSTER_LAND] = MPI_LAND;
    ops[MUSTER_LOR] = MPI_LOR;
    ops[MUSTER_LXOR] = MPI_LXOR;
    ops[MUSTER_BAND] = MPI_BAND;
    ops[MUSTER_BOR] = MPI_BOR;
    ops[MUSTER_BXOR] = MPI_BXOR;
    int code = MPI_Op_create(unsigned_min, 1, &unsigned_ops[MUSTER_MIN]);
    return code ? code : MPI_Op_create(unsigned_max, 1, &unsigned_ops[MUSTER_MAX]);
}

static muster_result f_init(const muster_args *a) {
    const int levels[] = {0, MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};
    int granted;
    muster_result r = done(MPI_Init_thread(NULL, NULL, levels[a->op], &granted));
    if (r.code) return r;
    for (int l = MUSTER_SINGLE; l <= MUSTER_MULTIPLE; l++)
        if (levels[l] == granted) r.flag = l;
    max_count = a->recvn;
    if ((r.code = set_tables())) return r;
    /* Collective calls must be of one sort on all ranks, so all yield if one must. */
    int crowded = a->sendn > sysconf(_SC_NPROCESSORS_ONLN);
    if ((r.code = MPI_Allreduce(&crowded, &yielding, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD))) return r;
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN); /* MPI 4 sends errors without a communicator here */
    r.code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    return r;
}

static muster_result describe(int code, MPI_Comm c) {
    muster_result r = done(code);
    int rank = 0, size = 0;
    if (r.code || c == MPI_COMM_NULL) return r;
    if ((r.code = MPI_Comm_rank(c, &rank)) || (r.code = MPI_Comm_size(c, &size))) return r;
    r.comm = handle(c);
    r.source = rank;
    r.tag = size;
    return r;
}

static muster_result f_world(const muster_args *a) {
    (void)a;
    return describe(MPI_SUCCESS, MPI_COMM_WORLD);
}

static muster_result f_finalize(const muster_args *a) {
    (void)a;
    return done(MPI_Finalize());
}

static muster_result f_abort(const muster_args *a) { return done(MPI_Abort(comm(a), a->tag)); }

/* Copies text, cut to the caller's room. */
static void put_text(const muster_args *a, const char *text, int n, muster_result *r) {
    r->bytes = n < a->recvn ? n : a->recvn;
    memcpy(a->recv, text, (size_t)r->bytes);
}

static muster_result f_version(const muster_args *a) {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int n = 0;
    muster_result r = done(MPI_Get_library_version(text, &n));
    if (!r.code) put_text(a, text, n, &r);
    return r;
}

static muster_result f_error(const muster_args *a) {
    static const int classes[][2] = {
        {MPI_ERR_BUFFER, MUSTER_ERR_BUFFER}, {MPI_ERR_COUNT, MUSTER_ERR_COUNT},
        {MPI_ERR_TYPE, MUSTER_ERR_TYPE}, {MPI_ERR_TAG, MUSTER_ERR_TAG},
        {MPI_ERR_COMM, MUSTER_ERR_COMM}, {MPI_ERR_RANK, MUSTER_ERR_RANK},
        {MPI_ERR_ROOT, MUSTER_ERR_ROOT}, {MPI_ERR_OP, MUSTER_ERR_OP},
        {MPI_ERR_ARG, MUSTER_ERR_ARG}, {MPI_ERR_TRUNCATE, MUSTER_ERR_TRUNCATE},
        {MPI_ERR_INTERN, MUSTER_ERR_INTERN}, {MPI_ERR_NO_MEM, MUSTER_ERR_NO_MEM},
    };
    char text[MPI_MAX_ERROR_STRING];
    int n = 0, class = 0;
    muster_result r = done(MPI_Error_string(a->tag, text, &n));
    if (r.code || (r.code = MPI_Error_class(a->tag, &class))) return r;
    put_text(a, text, n, &r);
    r.flag = MUSTER_ERR_OTHER;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (classes[i][0] == class) r.flag = classes[i][1];
    return r;
}

static muster_result f_barrier(const muster_args *a) {
    int code;
    CALL(code, MPI_Barrier, MPI_Ibarrier, comm(a));
    return done(code);
}

static muster_result f_bcast(const muster_args *a) {
    run r;
    int code = open_run(&r, a->recvn, a->kind);
    if (!code) CALL(code, MPI_Bcast, MPI_Ibcast, recvbuf(a), r.n, r.type, a->root, comm(a));
    close_run(&r);
    return done(code);
}

/* Reductions go piece by piece: MPI's operations do not take made types. */
static int reduce(const muster_args *a, int all) {
    int64_t at = 0;
    int code;
    do {
        int n = (int)(a->recvn - at < max_count ? a->recvn - at : max_count);
        const void *s = a->in_place ? MPI_IN_PLACE : (const char *)sendbuf(a) + at * sizes[a->kind];
        void *r = (char *)recvbuf(a) + at * sizes[a->kind];
        if (all)
            CALL(code, MPI_Allreduce, MPI_Iallreduce, s, r, n, types[a->kind], op_of(a), comm(a));
        else
            CALL(code, MPI_Reduce, MPI_Ireduce, s, r, n, types[a->kind], op_of(a), a->root, comm(a));
        at += n;
    } while (!code && at < a->recvn);
    return code;
}

static muster_result f_reduce(const muster_args *a) { return done(reduce(a, 0)); }
static muster_result f_allreduce(const muster_args *a) { return done(reduce(a, 1)); }

static muster_result f_gather(const muster_args *a) {
    run s, r;
    int code = open_run(&s, a->sendn, a->kind), code2 = open_run(&r, a->recvn, a->kind);
    if (!code) code = code2;
    if (!code) CALL(code, MPI_Gather, MPI_Igather, sendbuf(a), s.n, s.type, recvbuf(a), r.n, r.type, a->root, comm(a));
    close_run(&s);
    close_run(&r);
    return done(code);
}

static muster_result f_gatherv(const muster_args *a) {
    int code;
    CALL(code, MPI_Gatherv, MPI_Igatherv, sendbuf(a), (int)a->sendn, types[a->kind], recvbuf(a), a->counts,
         a->displs, types[a->kind], a->root, comm(a));
    return done(code);
}

static muster_result f_scatter(const muster_args *a) {
    run s, r;
    int code = open_run(&s, a->sendn, a->kind), code2 = open_run(&r, a->recvn, a->kind);
    const void *send = a->send ? a->send : &none[0];
    if (!code) code = code2;
    void *recv = a->in_place ? MPI_IN_PLACE : recvbuf(a);
    if (!code) CALL(code, MPI_Scatter, MPI_Iscatter, send, s.n, s.type, recv, r.n, r.type, a->root, comm(a));
    close_run(&s);
    close_run(&r);
    return done(code);
}

static muster_result f_scatterv(const muster_args *a) {
    const void *send = a->send ? a->send : &none[0];
    int code;
    void *recv = a->in_place ? MPI_IN_PLACE : recvbuf(a);
    CALL(code, MPI_Scatterv, MPI_Iscatterv, send, a->counts, a->displs, types[a->kind], recv, (int)a->recvn,
         types[a->kind], a->root, comm(a));
    return done(code);
}

static muster_result f_allgather(const muster_args *a) {
    run s, r;
    int code = open_run(&s, a->sendn, a->kind), code2 = open_run(&r, a->recvn, a->kind);
    if (!code) code = code2;
    if (!code) CALL(code, MPI_Allgather, MPI_Iallgather, sendbuf(a), s.n, s.type, recvbuf(a), r.n, r.type, comm(a));
    close_run(&s);
    close_run(&r);
    return done(code);
}

static muster_result f_allgatherv(const muster_args *a) {
    int code;
    CALL(code, MPI_Allgatherv, MPI_Iallgatherv, sendbuf(a), (int)a->sendn, types[a->kind], recvbuf(a), a->counts,
         a->displs, types[a->kind], comm(a));
    return done(code);
}

static muster_result f_send(const muster_args *a) {
    run s;
    int code = open_run(&s, a->sendn, a->kind);
    if (!code) CALL(code, MPI_Send, MPI_Isend, sendbuf(a), s.n, s.type, rank_of(a->root), a->tag, comm(a));
    close_run(&s);
    return done(code);
}

static muster_result status_of(const muster_args *a, int code, MPI_Status *s) {
    muster_result r = done(code);
    MPI_Count n = 0;
    if (r.code) return r;
    if (a->source == MUSTER_PROC_NULL) { /* MPICH 4.0 forgets to say so in some calls */
        r.source = MUSTER_PROC_NULL;
        r.tag = MUSTER_ANY;
        return r;
    }
    r.code = MPI_Get_elements_x(s, MPI_BYTE, &n);
    r.source = s->MPI_SOURCE;
    r.tag = s->MPI_TAG;
    r.bytes = n;
    return r;
}

static int receive(const muster_args *a, run *r, MPI_Status *s) {
    MPI_Request request;
    int source = rank_of(a->source), tag = tag_of(a->recvtag);
    if (!yielding) return MPI_Recv(recvbuf(a), r->n, r->type, source, tag, comm(a), s);
    return wait_yielding(MPI_Irecv(recvbuf(a), r->n, r->type, source, tag, comm(a), &request), &request, s);
}

static muster_result f_recv(const muster_args *a) {
    run r;
    MPI_Status s;
    int code = open_run(&r, a->recvn, a->kind);
    if (!code) code = receive(a, &r, &s);
    close_run(&r);
    return status_of(a, code, &s);
}

static int send_and_receive(const muster_args *a, run *s, run *r, MPI_Status *status) {
    MPI_Request sent, received;
    int dest = rank_of(a->root), source = rank_of(a->source), tag = tag_of(a->recvtag), code, code2;
    if (!yielding)
        return MPI_Sendrecv(sendbuf(a), s->n, s->type, dest, a->tag, recvbuf(a), r->n, r->type, source, tag,
                            comm(a), status);
    if ((code = MPI_Irecv(recvbuf(a), r->n, r->type, source, tag, comm(a), &received))) return code;
    if ((code = MPI_Isend(sendbuf(a), s->n, s->type, dest, a->tag, comm(a), &sent))) {
        MPI_Cancel(&received);
        MPI_Wait(&received, MPI_STATUS_IGNORE);
        return code;
    }
    code = wait_yielding(MPI_SUCCESS, &received, status);
    code2 = wait_yielding(MPI_SUCCESS, &sent, MPI_STATUS_IGNORE);
    return code ? code : code2;
}

static muster_result f_sendrecv(const muster_args *a) {
    run s, r;
    MPI_Status status;
    int code = open_run(&s, a->sendn, a->kind), code2 = open_run(&r, a->recvn, a->recvkind);
    if (!code) code = code2;
    if (!code) code = send_and_receive(a, &s, &r, &status);
    close_run(&s);
    close_run(&r);
    return status_of(a, code, &status);
}

static muster_result f_probe(const muster_args *a) {
    int source = rank_of(a->source), tag = tag_of(a->recvtag), found = 0, code = MPI_SUCCESS;
    MPI_Status s;
    if (!yielding)
        code = MPI_Probe(source, tag, comm(a), &s);
    else
        while (!(code = MPI_Iprobe(source, tag, comm(a), &found, &s)) && !found) sched_yield();
    return status_of(a, code, &s);
}

static muster_result f_iprobe(const muster_args *a) {
    MPI_Status s;
    int found = 0;
    int code = MPI_Iprobe(rank_of(a->source), tag_of(a->recvtag), comm(a), &found, &s);
    if (code || !found) return done(code);
    muster_result r = status_of(a, code, &s);
    r.flag = 1;
    return r;
}

static muster_result f_split(const muster_args *a) {
    MPI_Comm c = MPI_COMM_NULL;
    int code = MPI_Comm_split(comm(a), a->root == MUSTER_UNDEFINED ? MPI_UNDEFINED : a->root, a->tag, &c);
    return describe(code, c);
}

static muster_result f_free(const muster_args *a) {
    MPI_Comm c = comm(a);
    return done(MPI_Comm_free(&c));
}

const muster_mpi *muster_mpi_table(void) {
    static const muster_mpi table = {
        .abi = MUSTER_MPI_ABI, .size = sizeof(muster_mpi), .flavour = FLAVOUR,
        .init = f_init, .world = f_world, .finalize = f_finalize, .abort = f_abort,
        .version = f_version, .error = f_error,
        .barrier = f_barrier, .bcast = f_bcast, .reduce = f_reduce, .allreduce = f_allreduce,
        .gather = f_gather, .gatherv = f_gatherv, .scatter = f_scatter, .scatterv = f_scatterv,
        .allgather = f_allgather, .allgatherv = f_allgatherv,
        .send = f_send, .recv = f_recv, .sendrecv = f_sendrecv, .probe = f_probe, .iprobe = f_iprobe,
        .split = f_split, .free = f_free,
    };
    return &table;
}
