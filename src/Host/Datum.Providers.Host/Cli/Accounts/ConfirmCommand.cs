using System.CommandLine;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Cli.Accounts;

/// <summary><c>confirm</c></summary>
internal static class ConfirmCommand
{
    /// <summary>Tokens that stay on a config: a pause that comes back under the same token was confirmed already.</summary>
    private const int MaxTokens = 20;

    public static Command Create(CliContext context)
    {
        var plane = new PlaneConnection(context);
        var token = new Argument<string>("TOKEN") { Description = "The token of the hold, from 'datum-providers orphans', the event or the condition Held." };
        return new CliCommand("confirm", "Lets go what the host holds back until a person has looked: many objects that vanished at once, another account, a change that would replace many.",
            new CliExample("datum-providers confirm 17ab527c1e72 --kubeconfig kc", "The vanished objects are gone indeed: make them anew"))
        {
            token, plane.Kubeconfig, plane.KubeContext,
        }.Does(context, (result, output, cancellation) => plane.WithAsync(result, client => RunAsync(client, result.GetRequiredValue(token), output, cancellation), cancellation));
    }

    internal static async Task<int> RunAsync(IKubernetesClient client, string token, IConsoleOutput output, CancellationToken cancellation)
    {
        var configs = (await client.ListAsync(ResourceTypes.ProviderConfigs, new ListOptions(), cancellation)).Items;
        var held = configs.Where(c => c.Status?.Holds?.Exists(h => h.Token == token) == true).OrderBy(c => c.Metadata.Name, StringComparer.Ordinal).ToList();
        if (held.Count == 0)
        {
            var open = configs.SelectMany(c => c.Status?.Holds ?? []).Where(h => h.ConfirmedAt is null).Select(h => h.Token).Distinct(StringComparer.Ordinal).ToList();
            throw new CliException($"No ProviderConfig has a hold with the token '{token}'. {(open.Count == 0 ? "Nothing is held." : $"Held: {string.Join(", ", open)}. Look at them with 'datum-providers orphans'.")}");
        }
        foreach (var config in held)
            await AddAsync(client, config, token, cancellation);
        output.Result(new ConfirmResult { Token = token, ProviderConfigs = [.. held.Select(c => c.Metadata.Name!)], Reason = held[0].Status!.Holds!.Find(h => h.Token == token)!.Reason }, CliJson.Readable.ConfirmResult,
            (r, text) => text.Line($"{r.Reason} {r.Token} is confirmed on ProviderConfig {string.Join(", ", r.ProviderConfigs)}: the host goes on."));
        return ExitCodes.Done;
    }

    private static async Task AddAsync(IKubernetesClient client, ProviderConfig config, string token, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var tokens = (config.Metadata.Annotation(Annotations.Confirm) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(t => t != token).TakeLast(MaxTokens - 1).Append(token);
            var after = ResourceTypes.ProviderConfigs.Clone(config);
            (after.Metadata.Annotations ??= [])[Annotations.Confirm] = string.Join(',', tokens);
            if (Patches.MetadataAndSpec(ResourceTypes.ProviderConfigs, config, after) is not { } patch)
                return;
            try
            {
                await client.PatchAsync(ResourceTypes.ProviderConfigs, config.Key, patch, null, cancellation);
                return;
            }
            catch (KubernetesException e) when (e.IsConflict && attempt < 5)
            {
                config = await client.FindAsync(ResourceTypes.ProviderConfigs, config.Key, cancellation) ?? throw new CliException($"ProviderConfig {config.Metadata.Name} doesn't exist any more.");
            }
        }
    }
}
