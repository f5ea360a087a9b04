namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>run</c> and <c>dev</c>, once the host has started; as text it is the log's line 1102.</summary>
internal sealed record ReadyResult
{
    public required int Process { get; init; }

    public required Uri Plane { get; init; }

    /// <summary>Full path; null where none was named.</summary>
    public required string? Kubeconfig { get; init; }

    public static void Write(IConsoleOutput output, Uri plane, string? kubeconfig) =>
        output.Result(new ReadyResult { Process = Environment.ProcessId, Plane = plane, Kubeconfig = kubeconfig is null ? null : Path.GetFullPath(kubeconfig) }, CliJson.Readable.ReadyResult, (_, _) => { });
}
