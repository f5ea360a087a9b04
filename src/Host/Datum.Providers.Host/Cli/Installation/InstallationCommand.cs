using System.CommandLine;
using System.Security.Cryptography;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Cli.Installation;

/// <summary>Result of the commands of <c>installation</c>.</summary>
internal sealed record InstallationResult
{
    public required string Installation { get; init; }

    /// <summary>The plane's id in every entry's name.</summary>
    public required string Plane { get; init; }

    /// <summary>UID of the plane's kube-system namespace now.</summary>
    public required string PlaneUid { get; init; }

    /// <summary>Null when the host may change things; else why it only observes.</summary>
    public required string? Unconfirmed { get; init; }

    /// <summary>Whether the command changed the binding.</summary>
    public required bool Changed { get; init; }

    public static void Write(InstallationResult result, TextResult text)
    {
        text.Line("Installation  ", new Styled(result.Installation, Tone.Strong));
        text.Line("Plane         ", result.PlaneUid, result.Plane == result.PlaneUid ? "" : $" (entries call it {result.Plane})");
        text.Line("State         ", result.Unconfirmed is null ? new Styled("confirmed", Tone.Good) : new Styled("observed only", Tone.Bad), result.Unconfirmed is null ? "" : $": {result.Unconfirmed}");
        if (result.Changed)
            text.Line("Stored. A host that waits for it goes on within seconds.");
    }
}

/// <summary><c>installation</c>: which plane the host's installation belongs to.</summary>
internal static class InstallationCommand
{
    public static Command Create(CliContext context) => new("installation", "Which plane the installation belongs to. When it is another one than before, the host only observes until a person says what it is.")
    {
        Show(context), Continue(context), Fork(context),
    };

    private static CliCommand Show(CliContext context)
    {
        var access = new PlaneConnection(context);
        var ns = PlaneConnection.Namespace();
        return new CliCommand("show", "Shows installation, plane, and whether the host may change things. Exit code 3 when it only observes.",
            new CliExample("datum-providers installation show --kubeconfig kc --namespace default", "Which installation this plane has"))
        {
            access.Kubeconfig, access.KubeContext, ns,
        }.Does(context, (result, output, cancellation) => access.WithAsync(result, async client =>
        {
            var (verdict, uid) = await FindAsync(client, access.NamespaceOf(result, ns), null, cancellation);
            Tell(output, verdict, uid, changed: false);
            return verdict.Unconfirmed is null ? ExitCodes.Done : Trace.TraceCommand.NotReady;
        }, cancellation));
    }

    private static CliCommand Continue(CliContext context)
    {
        var access = new PlaneConnection(context);
        var ns = PlaneConnection.Namespace();
        var yes = PlaneConnection.Yes();
        return new CliCommand("continue", "This plane is the one that the installation had, restored: the host goes on with everything that the ledger has. The old plane must be gone.",
            new CliExample("datum-providers installation continue --kubeconfig kc --namespace default --yes", "After a restore from a backup"))
        {
            access.Kubeconfig, access.KubeContext, ns, yes,
        }.Does(context, (result, output, cancellation) => access.WithAsync(result, async client =>
        {
            var where = access.NamespaceOf(result, ns);
            var (verdict, uid) = await FindAsync(client, where, null, cancellation);
            if (verdict is { Unconfirmed: null, Bind: null })
            {
                Tell(output, verdict, uid, changed: false);
                return ExitCodes.Done;
            }
            Confirmed(result.GetValue(yes), $"Continues installation {verdict.Installation} at this plane ({uid}): the host changes and deletes what its ledger has. If the plane that it came from lives on, two hosts would work on the same objects.");
            await new InstallationBinding(verdict.Installation, verdict.Plane, uid).WriteAsync(client, where, cancellation);
            Tell(output, verdict with { Unconfirmed = null }, uid, changed: true);
            return ExitCodes.Done;
        }, cancellation));
    }

    private static CliCommand Fork(CliContext context)
    {
        var access = new PlaneConnection(context);
        var ns = PlaneConnection.Namespace();
        var yes = PlaneConnection.Yes();
        var id = new Option<string?>("--installation") { Description = "The new installation's id, 1 to 16 of [a-z0-9]; a new one is made when absent.", HelpName = "ID" };
        id.Validators.Add(found =>
        {
            if (found.Tokens.Count > 0 && !InstallationBinding.IsId(found.Tokens[0].Value))
                found.AddError($"--installation '{found.Tokens[0].Value}': must be 1 to 16 of [a-z0-9].");
        });
        return new CliCommand("fork", "This plane is a copy of one that lives on: the host begins a new installation here, makes everything anew, and touches nothing of the old one.",
            new CliExample("datum-providers installation fork --kubeconfig kc --namespace default --installation staging --yes", "A copy of production that becomes staging"))
        {
            access.Kubeconfig, access.KubeContext, ns, id, yes,
        }.Does(context, (result, output, cancellation) => access.WithAsync(result, async client =>
        {
            var where = access.NamespaceOf(result, ns);
            var (verdict, uid) = await FindAsync(client, where, null, cancellation);
            var used = (await EntriesAsync(client, cancellation)).Append(verdict is { Unconfirmed: null, Bind: not null } ? "" : verdict.Installation).ToHashSet(StringComparer.Ordinal);
            var forked = result.GetValue(id) ?? Fresh(uid, used);
            if (used.Contains(forked))
                throw new CliException($"--installation '{forked}' is the old installation's own id: a fork needs another one.", ExitCodes.Usage);
            Confirmed(result.GetValue(yes), $"Begins installation {forked} at this plane ({uid}): everything that the Datum objects here want is made anew at the platforms. Entries of {verdict.Installation} stay in the ledger and are left alone.");
            var binding = new InstallationBinding(forked, uid, uid);
            await binding.WriteAsync(client, where, cancellation);
            Tell(output, new InstallationVerdict(forked, uid, null, null), uid, changed: true);
            return ExitCodes.Done;
        }, cancellation));
    }

    private static string Fresh(string uid, HashSet<string> used) =>
        InstallationBinding.Derive(uid) is var derived && !used.Contains(derived) ? derived : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));

    private static async Task<IEnumerable<string>> EntriesAsync(IKubernetesClient client, CancellationToken cancellation)
    {
        try
        {
            return (await InstallationVerdict.LedgerAsync(client, cancellation)).Select(e => e.Spec.Installation);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return [];
        }
    }

    private static async Task<(InstallationVerdict Verdict, string Uid)> FindAsync(IKubernetesClient client, string ns, string? asked, CancellationToken cancellation)
    {
        string uid;
        try
        {
            uid = await PlaneChecks.IdentityAsync(client, cancellation);
        }
        catch (HostStartException e)
        {
            throw new CliException(e.Message);
        }
        return (await InstallationVerdict.FindAsync(client, ns, uid, asked, cancellation), uid);
    }

    private static void Tell(IConsoleOutput output, InstallationVerdict verdict, string uid, bool changed) => output.Result(
        new InstallationResult { Installation = verdict.Installation, Plane = verdict.Plane, PlaneUid = uid, Unconfirmed = verdict.Unconfirmed, Changed = changed }, CliJson.Readable.InstallationResult, InstallationResult.Write);

    private static void Confirmed(bool yes, string what)
    {
        if (!yes)
            throw new CliException($"{what} Nothing was done yet: add --yes.", ExitCodes.Usage);
    }
}
