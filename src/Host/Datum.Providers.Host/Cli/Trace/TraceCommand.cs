using System.CommandLine;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary><c>trace</c></summary>
internal static class TraceCommand
{
    /// <summary>Exit code when the object was found and isn't ready.</summary>
    public const int NotReady = 3;

    private const int MaxNear = 3;

    public static Command Create(CliContext context)
    {
        var target = new Argument<string>("KIND/NAME") { Description = "What to look at, by kind, plural or short name." };
        var plane = new PlaneConnection(context);
        var ns = new Option<string?>("--namespace", "-n") { Description = "Namespace of the object.", HelpName = "NAMESPACE" };
        var all = new Option<bool>("--all") { Description = "The whole tree from the topmost owner down, nothing left out." };
        return new CliCommand("trace", "Shows the tree from a Datum object to the objects at the platform, why it isn't ready, and in its last line what to do.",
            new("datum-providers trace workload/nginx-workload -n default", "Why a Workload isn't available"),
            new("datum-providers trace dmr/3f0c -o json", "What an entry of the ledger belongs to, for a script"),
            new("datum-providers trace loc/dfw --all --kubeconfig kc", "A Location with everything that it needs"))
        {
            target, plane.Kubeconfig, plane.KubeContext, ns, all,
        }.Does(context, (result, output, cancellation) => plane.WithAsync(result, (client, connection) =>
        {
            var wanted = TraceTarget.Parse(result.GetRequiredValue(target), result.GetValue(ns) ?? connection.Namespace ?? "default");
            output.Progress($"reading {connection}");
            return RunAsync(client, TimeProvider.System, wanted, result.GetValue(all), output, cancellation);
        }, cancellation));
    }

    /// <summary>Everything behind the connection.</summary>
    internal static async Task<int> RunAsync(IKubernetesClient client, TimeProvider time, TraceTarget target, bool all, IConsoleOutput output, CancellationToken cancellation)
    {
        var plane = await new SnapshotReader(client, time).ReadAsync(target, cancellation);
        if (TreeBuilder.Build(plane, target) is not { } tree)
            throw new CliException(NotFound(plane, target));
        var verdict = RootCause.Find(tree);
        output.Result(TraceResult.Of(tree, verdict), TraceJson.Readable.TraceResult, (_, text) => TraceText.Write(text, tree, verdict, plane.Now, all));
        return verdict.Ready ? ExitCodes.Done : NotReady;
    }

    private static string NotFound(PlaneSnapshot plane, TraceTarget target)
    {
        var where = target.Namespace is null ? "" : $" in namespace {target.Namespace}";
        if (plane.Gaps.Find(g => g.Plural == $"{target.Kind.Plural}.{target.Kind.Group}") is { } gap)
            return $"{target.Kind.Plural}{where} can't be listed: {gap.Message}.";
        var names = plane.Names(target.Kind.Kind).Distinct(StringComparer.Ordinal).ToList();
        var near = names.Select(n => (Name: n, Distance: NearMiss.Distance(n, target.Name))).Where(n => n.Distance <= Math.Max(2, target.Name.Length / 3) || n.Name.Contains(target.Name, StringComparison.Ordinal))
            .OrderBy(n => n.Distance).ThenBy(n => n.Name, StringComparer.Ordinal).Take(MaxNear).Select(n => TraceNode.Clean(n.Name)).ToList();
        var hint = near.Count > 0 ? $" Near: {string.Join(", ", near)}."
            : names.Count > 0 ? $" There {(names.Count == 1 ? "is 1 other" : $"are {names.Count} others")}." : target.Namespace is null ? "" : " There is none at all; is it the right namespace (-n)?";
        return $"There is no {target.Kind.Kind} {target.Name}{where}.{hint}";
    }
}
