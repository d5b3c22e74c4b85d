# bash completion for fnshieldd; made by 'fnshield completion bash --daemon'.
_fnshieldd()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= i
    COMPREPLY=()
    case $previous in
        --config) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --policy-dir) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")); return ;;
        --listen) :; return ;;
        --state-dir) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")); return ;;
        --run-dir) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")); return ;;
        --mode) COMPREPLY=($(compgen -W 'monitor enforce' -- "$current")); return ;;
        --log-level) COMPREPLY=($(compgen -W 'trace debug info warning error' -- "$current")); return ;;
    esac
    case $command in
        '') COMPREPLY=($(compgen -W '--config --policy-dir --listen --state-dir --run-dir --mode --log-level --check --version -h --help' -- "$current")) ;;
    esac
}
complete -F _fnshieldd fnshieldd
