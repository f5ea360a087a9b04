using System.Text.Json.Nodes;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Host.Admission;
using Datum.Providers.Host.Cli.Plan;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Manifests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Cli;

/// <summary>What a plane knows, with the manifests over it: the webhook's rules without a webhook.</summary>
internal sealed class AgainstPlane : IDisposable
{
    private readonly PlanSpace _space;
    private readonly LocationResolver? _resolver;

    private AgainstPlane(PlanSpace space, LocationResolver? resolver, PlaneRules rules) => (_space, _resolver, Rules) = (space, resolver, rules);

    public PlaneRules Rules { get; }

    /// <param name="catalog">Null leaves out who serves which Location.</param>
    public static async Task<AgainstPlane> OpenAsync(IKubernetesClient client, DriverCatalog? catalog, string volume, bool development, CancellationToken cancellation)
    {
        var reader = new ReadOnlyClient(client);
        InstallationVerdict verdict;
        try
        {
            verdict = await InstallationVerdict.FindAsync(reader, "datum-providers", await PlaneChecks.IdentityAsync(reader, cancellation), null, cancellation);
        }
        catch (HostStartException e)
        {
            throw new CliException(e.Message);
        }
        var space = PlanSpace.Create(reader, verdict, "datum-providers", "default");
        var drivers = catalog is null ? null : new DriverConnector(catalog, NullLoggerFactory.Instance, TimeProvider.System, volume);
        var resolver = drivers is null ? null : new LocationResolver(space.Home, space.Plane, drivers, development);
        return new AgainstPlane(space, resolver, new PlaneRules(space.Plane, resolver, drivers));
    }

    public async Task FillAsync(IReadOnlyList<(Manifest Manifest, JsonObject Stored)> objects, CancellationToken cancellation)
    {
        await _space.AddAsync(objects);
        await _space.FillAsync(cancellation);
    }

    public void Dispose() => _resolver?.Dispose();
}
