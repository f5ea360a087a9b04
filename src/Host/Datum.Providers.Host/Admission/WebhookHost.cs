using Datum.Providers.Engine;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Admission;

/// <summary>The webhook over a host's own caches.</summary>
internal static class WebhookHost
{
    /// <exception cref="HostStartException">The certificate can't be read, or the address can't be listened on.</exception>
    public static async Task<AdmissionServer> StartAsync(
        WebhookSettings settings, HomePlane home, ProjectPlane plane, LocationResolver resolver, IDriverConnector drivers, IKubernetesClient client, ILoggerFactory logging, TimeProvider time, CancellationToken cancellation)
    {
        // Half a picture would refuse what is in order.
        bool Filled() => home.Configs.HasSynced && home.Entries.HasSynced && plane.Locations.HasSynced && plane.ComputeLocations.HasSynced && plane.Networks.HasSynced;
        var rules = new PlaneRules(plane, resolver, drivers);
        var desk = new AdmissionDesk(client, () => Filled() ? rules : null, logging.CreateLogger<AdmissionDesk>());
        try
        {
            return await AdmissionServer.StartAsync(settings, desk, Filled, logging, time, cancellation);
        }
        catch (IOException e)
        {
            throw new HostStartException($"The webhook can't listen on {settings.Listen}: {e.Message} Free it, or name another with --webhook.", e);
        }
    }
}
