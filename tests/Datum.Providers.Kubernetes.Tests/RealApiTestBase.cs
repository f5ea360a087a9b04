using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>A client of the real API server, with a namespace of its own for each test.</summary>
internal abstract class RealApiTestBase
{
    private CancellationTokenSource? _limit;

    protected RealApiServer Server { get; private set; } = null!;
    protected KubernetesRequestCounter Requests { get; private set; } = null!;
    protected KubernetesClient Client { get; private set; } = null!;
    protected string Namespace { get; private set; } = "";
    protected CancellationToken Limit => _limit!.Token;

    [SetUp]
    public async Task ConnectAsync()
    {
        Server = await RealApiServer.SharedAsync();
        _limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        Requests = new KubernetesRequestCounter();
        Client = new KubernetesClient(KubeConfig.Load(Server.KubeConfigPath), new KubernetesClientOptions { Observer = Requests });
        Namespace = $"t-{Guid.NewGuid():N}"[..14];
        await Client.CreateAsync(Core.Namespaces, new Namespace { Metadata = new ObjectMeta { Name = Namespace } }, Limit);
    }

    [TearDown]
    public async Task DisconnectAsync()
    {
        if (Client is not null)
            await Client.DisposeAsync();
        _limit?.Dispose();
    }

    /// <summary>Installs the widget CRD under a plural and returns its type.</summary>
    protected async Task<ResourceType<Widget>> InstallAsync(string plural = "widgets")
    {
        await PlaneInstaller.ApplyCrdsAsync(Client, [Widget.Crd(plural)], Limit);
        return Widget.TypeOf(plural);
    }
}
