namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Something at the double. Paths: <c>qemu/100</c>, <c>vnets/v</c>, <c>zones/z</c>, <c>subnets/z-10.0.0.0-24</c>, <c>groups/g</c>,
/// <c>ipsets/s</c>, <c>aliases/a</c>, <c>pools/p</c>, <c>volumes/storage:name</c>.</summary>
/// <param name="Path">Collection and id.</param>
/// <param name="Collection">The part before the slash.</param>
/// <param name="Body">Of a machine: node, status, pool, config and firewall (options, rules, ipset, aliases); of a group or set comment and rules or cidrs;
/// of the network's things their configuration; of a volume size, format, content, vmid.</param>
/// <param name="Revision">Changes with it.</param>
public sealed record ProxmoxObject(string Path, string Collection, JsonObject Body, int Revision);

/// <summary>A request that the double answered.</summary>
/// <param name="At">When, by the clock that the double was given.</param>
/// <param name="Method">GET, POST and so on.</param>
/// <param name="Path">The path without <c>/api2/json</c>.</param>
/// <param name="Operation">Method and path as the description has it: <c>POST /nodes/{node}/qemu/{vmid}/clone</c>; empty for none.</param>
/// <param name="Status">The status.</param>
/// <param name="Reason">The words beside it.</param>
public sealed record ProxmoxCall(DateTimeOffset At, string Method, string Path, string Operation, int Status, string Reason);

/// <summary>A task.</summary>
/// <param name="Upid">Its id.</param>
/// <param name="Node">Where it runs.</param>
/// <param name="Type">Its type: <c>qmclone</c> and so on.</param>
/// <param name="Id">What it works on.</param>
/// <param name="Exit">How it ended; null while it runs.</param>
/// <param name="Start">When it began.</param>
/// <param name="End">When it ended, or will.</param>
public sealed record ProxmoxTask(string Upid, string Node, string Type, string Id, string? Exit, DateTimeOffset Start, DateTimeOffset End);

/// <summary>How a guest answers a command of its agent.</summary>
/// <param name="ExitCode">The command's code.</param>
/// <param name="Output">What it wrote.</param>
/// <param name="Errors">What it complained about.</param>
public sealed record GuestAnswer(int ExitCode, string Output = "", string Errors = "");

/// <summary>What the platform refuses. The text is the reason phrase's.</summary>
internal sealed class PveError(int status, string message, ImmutableSortedDictionary<string, string>? errors = null) : Exception(message)
{
    public int Status => status;

    /// <summary>Texts by parameter; empty for none.</summary>
    public ImmutableSortedDictionary<string, string> Errors => errors ?? ImmutableSortedDictionary<string, string>.Empty;

    public static PveError Failed(string message) => new(500, message);

    public static PveError Parameter(string name, string message) => new(400, "Parameter verification failed.", ImmutableSortedDictionary<string, string>.Empty.Add(name, message));

    public static PveError Forbidden(string path, string privileges) => new(403, $"Permission check failed ({path}, {privileges})");
}
