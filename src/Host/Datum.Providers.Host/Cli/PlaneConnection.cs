using System.CommandLine;
using Datum.Providers.Host.Cli.Trace;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Cli;

/// <summary>How a command reaches a plane, and what it says when it can't.</summary>
internal sealed class PlaneConnection(CliContext context)
{
    private const string DevKubeconfig = "datum-dev.kubeconfig";

    public Option<string?> Kubeconfig { get; } = new("--kubeconfig") { Description = "Kubeconfig of the plane.", HelpName = "FILE" };

    public Option<string?> KubeContext { get; } = new("--context") { Description = "Context in the kubeconfig.", HelpName = "NAME" };

    public static Option<bool> Yes() => new("--yes") { Description = "Do it. Without it the command says what it would do." };

    public static Option<string?> Namespace() => new("--namespace") { Description = "The host's namespace; datum-providers when absent, or default with the kubeconfig of dev.", HelpName = "NAME" };

    /// <summary>Where the host keeps its own objects: <c>dev</c> keeps them in <c>default</c>.</summary>
    public string NamespaceOf(ParseResult result, Option<string?> option) =>
        result.GetValue(option) ?? (result.GetValue(Kubeconfig) is null && DevelopmentKubeconfig(context.Terminal.Variable, File.Exists) is not null ? "default" : "datum-providers");

    /// <summary>What <c>dev</c> writes into this folder, where KUBECONFIG names nothing else; null leaves it to <see cref="KubeConfig.Find"/>.</summary>
    internal static string? DevelopmentKubeconfig(Func<string, string?> variable, Func<string, bool> exists) =>
        string.IsNullOrEmpty(variable("KUBECONFIG")) && exists(DevKubeconfig) ? DevKubeconfig : null;

    public Task<int> WithAsync(ParseResult result, Func<IKubernetesClient, Task<int>> work, CancellationToken cancellation) =>
        WithAsync(result, (client, _) => work(client), cancellation);

    /// <summary>As the other one, for work that needs to know where it is.</summary>
    public async Task<int> WithAsync(ParseResult result, Func<IKubernetesClient, KubernetesConnection, Task<int>> work, CancellationToken cancellation)
    {
        var path = result.GetValue(Kubeconfig) ?? DevelopmentKubeconfig(context.Terminal.Variable, File.Exists);
        KubernetesConnection connection;
        try
        {
            connection = KubeConfig.Find(path, result.GetValue(KubeContext));
        }
        catch (KubeConfigException e)
        {
            throw new CliException(e.Message);
        }
        return await WithAsync(connection, path, client => work(client, connection), cancellation);
    }

    /// <summary>As the others, for a kubeconfig that the command named otherwise.</summary>
    public static Task<T> WithAsync<T>(string kubeconfig, Func<IKubernetesClient, Task<T>> work, CancellationToken cancellation)
    {
        try
        {
            return WithAsync(KubeConfig.Find(kubeconfig, null), kubeconfig, work, cancellation);
        }
        catch (KubeConfigException e)
        {
            throw new CliException(e.Message);
        }
    }

    private static async Task<T> WithAsync<T>(KubernetesConnection connection, string? path, Func<IKubernetesClient, Task<T>> work, CancellationToken cancellation)
    {
        await using var client = new KubernetesClient(connection, new KubernetesClientOptions { RequestTimeout = TimeSpan.FromSeconds(30), MaxRetries = 1 });
        try
        {
            return await work(client);
        }
        catch (HttpRequestException e)
        {
            throw new CliException($"The plane at {connection} can't be reached: {TraceNode.Clean(e.Message)}. Check that it runs and that {path ?? "what kubectl uses"} is its kubeconfig.");
        }
        catch (KubernetesException e)
        {
            throw new CliException(e.Code is 401
                ? $"The plane at {connection} doesn't accept the credentials{(path is null ? "" : $" in {path}")}: renew them."
                : $"The plane at {connection} answers {e.Code} {TraceNode.Clean(e.Reason)}: {TraceNode.Clean(e.Message)}{(e.IsConflict ? ". Somebody changed it meanwhile: look at it again." : "")}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CliException($"The plane at {connection} doesn't answer in time. Check that it runs and that {path ?? "what kubectl uses"} is its kubeconfig.");
        }
    }
}
