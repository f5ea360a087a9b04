using System.CommandLine;
using System.Net;
using Datum.Providers.Host.Admission;

namespace Datum.Providers.Host.Cli;

/// <summary>Options of the admission webhook: all three, or none.</summary>
internal sealed class WebhookOptions
{
    public Option<string?> Listen { get; } = new("--webhook") { Description = "Serve the admission webhook on this address and port, such as 0.0.0.0:9443. Off without it.", HelpName = "ADDRESS:PORT" };

    public Option<string?> Certificate { get; } = new("--webhook-cert") { Description = "PEM file with the webhook's certificate; read anew when it changes.", HelpName = "FILE" };

    public Option<string?> Key { get; } = new("--webhook-key") { Description = "PEM file with its private key.", HelpName = "FILE" };

    public WebhookOptions() => Listen.Validators.Add(found =>
    {
        if (found.Tokens.Count > 0 && !TryRead(found.Tokens[0].Value, out _))
            found.AddError($"--webhook '{found.Tokens[0].Value}': must be an address and a port, such as 127.0.0.1:9443 or [::]:9443.");
    });

    /// <summary>Null where the webhook is off.</summary>
    public WebhookSettings? Read(ParseResult result)
    {
        var (listen, certificate, key) = (result.GetValue(Listen), result.GetValue(Certificate), result.GetValue(Key));
        if (listen is null && certificate is null && key is null)
            return null;
        if (listen is null || certificate is null || key is null || !TryRead(listen, out var endpoint))
            throw new CliException("--webhook, --webhook-cert and --webhook-key belong together: give all three, or none.", ExitCodes.Usage);
        return new WebhookSettings { Listen = endpoint, CertificateFile = certificate, KeyFile = key };
    }

    // A bare address would be read as one with port 0.
    private static bool TryRead(string text, out IPEndPoint endpoint) => IPEndPoint.TryParse(text, out endpoint!) && text.EndsWith($":{endpoint.Port}", StringComparison.Ordinal);
}
