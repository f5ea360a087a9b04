using System.CommandLine;
using System.Net;
using Datum.Providers.ControlPlane.Export;
using Datum.Providers.Host.Composition;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli;

/// <summary>What <c>run</c> and <c>dev</c> take about export policies.</summary>
internal sealed class ExportCliOptions
{
    public Option<bool> Export { get; }

    public Option<string[]> Allow { get; } = new("--export-allow") { Description = "Range that export policies may send to although it isn't public, such as 10.1.2.0/24; may be repeated.", HelpName = "CIDR" };

    public Option<string[]> Deny { get; } = new("--export-deny") { Description = "Public range that export policies may not send to, such as the cluster's; may be repeated.", HelpName = "CIDR" };

    public Option<bool> Http { get; } = new("--export-http") { Description = "Export policies may send without TLS too." };

    public Option<string> Period { get; } = new("--export-period") { Description = "How often samples are taken, 1s to 10m.", HelpName = "DURATION", DefaultValueFactory = _ => "15s" };

    /// <param name="on">What holds without the option.</param>
    public ExportCliOptions(bool on)
    {
        Export = new Option<bool>("--export") { Description = $"Send what ExportPolicies select{(on ? "; --export false switches it off" : "")}.", DefaultValueFactory = _ => on };
        Period.Validators.Add(found =>
        {
            if (found.Tokens.Count > 0 && !(GoDuration.TryParse(found.Tokens[0].Value, out var period, out _) && period >= TimeSpan.FromSeconds(1) && period <= TimeSpan.FromMinutes(10)))
                found.AddError($"--export-period '{found.Tokens[0].Value}': must be a duration of 1s to 10m, such as 15s.");
        });
        foreach (var option in new[] { Allow, Deny })
        {
            option.Validators.Add(found =>
            {
                foreach (var token in found.Tokens.Where(t => !IPNetwork.TryParse(t.Value, out _)))
                    found.AddError($"{option.Name} '{token.Value}': must be a range without host bits, such as 10.1.2.0/24 or fd00:1::/64.");
            });
        }
    }

    public ExportSettings Read(ParseResult result) => new()
    {
        Enabled = result.GetValue(Export),
        Period = GoDuration.TryParse(result.GetValue(Period), out var period, out var error) ? period : throw new CliException($"--export-period: {error}", ExitCodes.Usage),
        Guard = new DestinationGuard
        {
            Allowed = [.. (result.GetValue(Allow) ?? []).Select(IPNetwork.Parse)], Denied = [.. (result.GetValue(Deny) ?? []).Select(IPNetwork.Parse)],
            AllowHttp = result.GetValue(Http), OwnAddresses = GuardedHandler.OwnAddresses,
        },
    };
}
