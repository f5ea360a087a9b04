using System.CommandLine;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary><c>trace</c></summary>
internal static class TraceCommand
{
    /// <summary>Exit code when the object was found and isn't ready.</summary>
    public const int NotReady = 3;

    private const string DevKubeconfig = "datum-dev.kubeconfig";

    private const int MaxNear = 3;

    public static Command Create(CliContext context)
    {
        var target = new Argument<string>("KIND/NAME") { Description = "What to look at, by kind, plural or short name." };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "Kubeconfig of the plane.", HelpName = "FILE" };
        var kubeContext = new Option<string?>("--context") { Description = "Context in the kubeconfig.", HelpName = "NAME" };
        var ns = new Option<string?>("--namespace", "-n") { Description = "Namespace of the object.", HelpName = "NAMESPACE" };
        var all = new Option<bool>("--all") { Description = "The whole tree from the topmost owner down, nothing left out." };
        return new CliCommand("trace", "Shows the tree from a Datum object to the objects at the platform, why it isn't ready, and in its last line what to do.",
            new("datum-providers trace workload/nginx-workload -n default", "Why a Workload isn't available"),
            new("datum-providers trace dmr/3f0c -o json", "What an entry of the ledger belongs to, for a script"),
            new("datum-providers trace loc/dfw --all --kubeconfig kc", "A Location with everything that it needs"))
        {
            target, kubeconfig, kubeContext, ns, all,
        }.Does(context, async (result, output, cancellation) =>
        {
            var path = result.GetValue(kubeconfig) ?? DevelopmentKubeconfig(context.Terminal.Variable, File.Exists);
            KubernetesConnection connection;
            try
            {
                connection = KubeConfig.Find(path, result.GetValue(kubeContext));
            }
            catch (KubeConfigException e)
            {
                throw new CliException(e.Message);
            }
            var wanted = TraceTarget.Parse(result.GetRequiredValue(target), result.GetValue(ns) ?? connection.Namespace ?? "default");
            await using var client = new KubernetesClient(connection, new KubernetesClientOptions { RequestTimeout = TimeSpan.FromSeconds(30), MaxRetries = 1 });
            output.Progress($"reading {connection}");
            try
            {
                return await RunAsync(client, TimeProvider.System, wanted, result.GetValue(all), output, cancellation);
            }
            catch (HttpRequestException e)
            {
                throw new CliException($"The plane at {connection} can't be reached: {TraceNode.Clean(e.Message)}. Check that it runs and that {path ?? "what kubectl uses"} is its kubeconfig.");
            }
            catch (KubernetesException e)
            {
                throw new CliException(e.Code is 401
                    ? $"The plane at {connection} doesn't accept the credentials{(path is null ? "" : $" in {path}")}: renew them."
                    : $"The plane at {connection} answers {e.Code} {TraceNode.Clean(e.Reason)}: {TraceNode.Clean(e.Message)}");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new CliException($"The plane at {connection} doesn't answer in time. Check that it runs and that {path ?? "what kubectl uses"} is its kubeconfig.");
            }
        });
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

    /// <summary>What <c>dev</c> writes into this folder, where KUBECONFIG names nothing else; null leaves it to <see cref="KubeConfig.Find"/>.</summary>
    internal static string? DevelopmentKubeconfig(Func<string, string?> variable, Func<string, bool> exists) =>
        string.IsNullOrEmpty(variable("KUBECONFIG")) && exists(DevKubeconfig) ? DevKubeconfig : null;

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
