# bash completion for fnshield; made by 'fnshield completion bash'.
_fnshield()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case ${COMP_WORDS[i]} in
            status|sandboxes|events|alerts|show|reload|doctor|completion) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    case $previous in
        --run-dir) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")); return ;;
        --sandbox) :; return ;;
        --function) :; return ;;
        --kind) COMPREPLY=($(compgen -W 'sandbox_created sandbox_started sandbox_ready sandbox_first_request sandbox_frozen sandbox_thawed sandbox_gone cgroup_move fork exec exit connect send bind listen accept dns socket memory_access fd_access namespace mount module bpf perf_event io_uring syscall credentials signal file_open file_write map_exec unix_connect shm traffic' -- "$current")); return ;;
        --since) :; return ;;
        --rule) :; return ;;
        --severity) COMPREPLY=($(compgen -W 'low medium high critical' -- "$current")); return ;;
        --pin-dir) :; return ;;
    esac
    case $command in
        '') COMPREPLY=($(compgen -W 'status sandboxes events alerts show reload doctor completion -h --help --version' -- "$current")) ;;
        status) COMPREPLY=($(compgen -W '-h --help --run-dir --json --programs' -- "$current")) ;;
        sandboxes) COMPREPLY=($(compgen -W '-h --help --run-dir --json --sandbox --function' -- "$current")) ;;
        events) COMPREPLY=($(compgen -W '-h --help --run-dir --json -f --follow --sandbox --function --kind --since' -- "$current")) ;;
        alerts) COMPREPLY=($(compgen -W '-h --help --run-dir --json -f --follow --sandbox --function --kind --since --rule --severity' -- "$current")) ;;
        show) COMPREPLY=($(compgen -W '-h --help --run-dir --json' -- "$current")) ;;
        reload) COMPREPLY=($(compgen -W '-h --help --run-dir --json' -- "$current")) ;;
        doctor) COMPREPLY=($(compgen -W '-h --help --run-dir --json --unpin --pin-dir' -- "$current")) ;;
        completion) COMPREPLY=($(compgen -W 'bash zsh fish -h --help --run-dir --json --daemon' -- "$current")) ;;
    esac
}
complete -F _fnshield fnshield
