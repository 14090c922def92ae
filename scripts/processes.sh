# What scripts/prism and scripts/flink share: processes of which numbers and names are in $state/pids. It is sourced by
# a script that sets `name` (its own) and `state` (folder of logs and process ids), and that has PYTHON's default.
python=${PYTHON:-.venv/bin/python}
export TF_USE_LEGACY_KERAS=${TF_USE_LEGACY_KERAS:-1} TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-3}

fail() {
    echo "$name: $1" >&2
    exit 1
}

listens() { (exec 3<>"/dev/tcp/localhost/$1") 2>/dev/null; }

# Ports: makes $state, if nothing of ours runs and the ports are free, and finds Python.
prepare() {
    [ -x "$python" ] || fail "expected a Python that has rrn_tf, found none at $python; try: make setup"
    [ ! -e "$state/pids" ] || fail "expected none running, found $state/pids; try: make $name-stop"
    local each
    for each in "$@"; do
        ! listens "$each" || fail "expected port $each to be free, found it taken"
    done
    mkdir -p "$state"
}

# A name and a command: starts it in a session of its own, so that its children end with it.
launch() {
    setsid "${@:2}" >"$state/$1.log" 2>&1 </dev/null &
    echo "$! $1" >>"$state/pids"
}

# Starts a pool of workers on each of the ports. A pool starts the `python` of PATH.
launch_pools() {
    PATH=$(cd "$(dirname "$python")" && pwd):$PATH
    export PATH
    local each
    for each in "$@"; do
        launch "pool-$each" "$python" -m apache_beam.runners.worker.worker_pool_main "--service_port=$each"
    done
}

# Fails, and ends all, if something that was launched has ended.
all_live() {
    local pid launched
    while read -r pid launched; do
        if ! kill -0 "$pid" 2>/dev/null; then
            stop 2>/dev/null
            fail "expected $launched to go on running, but it has ended; $state/$launched.log says why"
        fi
    done <"$state/pids"
}

# Waits until all ports answer.
await() {
    local each
    for each in "$@"; do
        for _ in $(seq 2400); do
            all_live
            if listens "$each"; then continue 2; fi
            sleep 0.1
        done
        stop
        fail "expected an answer on port $each within four minutes, found none; logs are in $state"
    done
}

# Ends what was launched.
stop() {
    if [ ! -e "$state/pids" ]; then return; fi
    local pid launched
    while read -r pid launched; do
        # Only if that number is still a process of ours.
        case "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")" in
            *worker_pool_main* | *-job_port=* | *org.apache.flink.* | *org.apache.beam.*)
                kill -KILL -- "-$pid" 2>/dev/null || echo "$name: $launched has ended" >&2
                # Its ports are free once it has gone.
                while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
                ;;
        esac
    done <"$state/pids"
    rm -f "$state/pids"
}
