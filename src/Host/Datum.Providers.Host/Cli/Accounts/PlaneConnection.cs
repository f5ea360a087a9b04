using System.CommandLine;
using Datum.Providers.Host.Cli.Trace;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Cli.Accounts;

/// <summary>The options that name a plane, and a client for it whose failures are sentences.</summary>
internal sealed class PlaneConnection(CliContext context)
{
    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "Kubeconfig of the home plane.", HelpName = "FILE" };
    private readonly Option<string?> _context = new("--context") { Description = "Context in the kubeconfig.", HelpName = "NAME" };

    public IEnumerable<Option> Options => [_kubeconfig, _context];

    public async Task<int> UseAsync(ParseResult result, Func<IKubernetesClient, Task<int>> work, CancellationToken cancellation)
    {
        var path = result.GetValue(_kubeconfig) ?? TraceCommand.DevelopmentKubeconfig(context.Terminal.Variable, File.Exists);
        KubernetesConnection connection;
        try
        {
            connection = KubeConfig.Find(path, result.GetValue(_context));
        }
        catch (KubeConfigException e)
        {
            throw new CliException(e.Message);
        }
        await using var client = new KubernetesClient(connection, new KubernetesClientOptions { RequestTimeout = TimeSpan.FromSeconds(30), MaxRetries = 1 });
        var whose = path ?? "what kubectl uses";
        try
        {
            return await work(client);
        }
        catch (HttpRequestException e)
        {
            throw new CliException($"The plane at {connection} can't be reached: {TraceNode.Clean(e.Message)}. Check that it runs and that {whose} is its kubeconfig.");
        }
        catch (KubernetesException e)
        {
            throw new CliException(e.Code is 401
                ? $"The plane at {connection} doesn't accept the credentials in {whose}: renew them."
                : $"The plane at {connection} answers {e.Code} {TraceNode.Clean(e.Reason)}: {TraceNode.Clean(e.Message)}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CliException($"The plane at {connection} doesn't answer in time. Check that it runs and that {whose} is its kubeconfig.");
        }
    }
}
