using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Telemetry;
using Datum.Providers.Resources.Validation;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>Whether a sink can send: its settings, or the reason why not. No message holds an endpoint or a value of a Secret (law L12).</summary>
internal sealed partial record SinkVerdict(string Reason, string Message, SinkSettings? Settings = null)
{
    private const string BasicAuthType = "kubernetes.io/basic-auth";

    public bool Accepted => Settings is not null;

    /// <summary>What the policy alone tells; null when nothing speaks against the sink.</summary>
    public static SinkVerdict? OfSpec(ExportPolicySpec spec, int index, DestinationGuard guard)
    {
        var sink = spec.Sinks[index];
        var sources = spec.Sources.SelectMany((s, i) => sink.Sources.Contains(s.Name) ? ExportPolicyRules.CheckSource(s, $"spec.sources[{i}]") : []).ToList();
        var own = ExportPolicyRules.CheckSink(spec, index);
        if (sources.Count > 0 || own.Any(v => v.Rule == Rules.PolicySources))
            return new(Reasons.InvalidSource, Text([.. sources, .. own.Where(v => v.Rule == Rules.PolicySources)]));
        if (own.Count > 0)
            return new(own.Any(v => v.Rule == Rules.PolicyEndpoint) ? Reasons.InvalidEndpoint : Reasons.ConfigurationError, Text(own));
        return guard.Refuses(new Uri(sink.Target.PrometheusRemoteWrite!.Endpoint)) is { } what
            ? new(Reasons.InvalidEndpoint, $"spec.sinks[{index}].target.prometheusRemoteWrite.endpoint: {what}.")
            : null;
    }

    /// <summary>The same with its credentials.</summary>
    public static async Task<SinkVerdict> OfCredentialsAsync(IKubernetesClient client, ExportPolicy policy, int index, CancellationToken cancellation)
    {
        var sink = policy.Spec.Sinks[index];
        AuthenticationHeaderValue? credential = null;
        if (sink.Target.PrometheusRemoteWrite?.Authentication?.BasicAuth is not null)
        {
            var at = $"spec.sinks[{index}].target.prometheusRemoteWrite.authentication.basicAuth.secretRef";
            if (SecretOf(policy, sink) is not { } key)
                return Wrong($"{at}.name: that is no name of a Secret.");
            Secret? secret;
            try
            {
                secret = await client.FindAsync(Core.Secrets, key, cancellation);
            }
            catch (KubernetesException e) when (e.Code == 403)
            {
                return Wrong($"{at}: the host may not read Secret {key.Name}; the namespace needs the role datum-providers-payloads.");
            }

            if (secret is null)
                return Wrong($"{at}: there is no Secret {key.Name} in the policy's namespace.");
            if (secret.Type != BasicAuthType)
                return Wrong($"{at}: Secret {key.Name} must be of type {BasicAuthType}.");
            if (secret.Data?.GetValueOrDefault("username") is not { Length: > 0 } user || secret.Data.GetValueOrDefault("password") is not { } password)
                return Wrong($"{at}: Secret {key.Name} needs the keys username and password.");
            credential = SinkSettings.Basic(user, password);
            if (credential is null)
                return Wrong($"{at}: the username in Secret {key.Name} holds a colon, which basic authentication can't send.");
        }

        return new(Reasons.SinkConfigured, "The sink is configured.", SinkSettings.Of(policy.Spec, sink, credential));
    }

    /// <summary>The Secret that a sink names, always in the policy's own namespace; null when it names none that can exist.</summary>
    // A name with a slash, or dots alone, would be another object's path.
    public static ObjectKey? SecretOf(ExportPolicy policy, TelemetrySink sink) =>
        sink.Target.PrometheusRemoteWrite?.Authentication?.BasicAuth?.SecretRef.Name is { Length: <= 253 } name && ObjectName.IsMatch(name)
            ? new ObjectKey(policy.Metadata.Namespace, name)
            : null;

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex ObjectName { get; }

    private static SinkVerdict Wrong(string message) => new(Reasons.InvalidAuthentication, message);

    private static string Text(IReadOnlyList<Violation> violations) => string.Join(" ", violations.Take(5).Select(v => $"{v.Field}: {v.Message}"));
}
