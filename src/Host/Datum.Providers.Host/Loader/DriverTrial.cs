using System.Runtime.CompilerServices;

namespace Datum.Providers.Host.Loader;

/// <summary>Looks at one driver folder check by check, as the catalog does at start; with <c>load</c> it runs the driver's code and lets go of it.</summary>
internal static class DriverTrial
{
    /// <summary>
    /// Runs the checks in the loader's order and reports each. A check goes on after a failed one where it can; reading the manifest comes
    /// before all and everything else before running code.
    /// </summary>
    public static VerifiedDriver? Run(DriverFolder folder, DriverVolumeOptions options, bool load, Action<DriverCheckResult> report)
    {
        DriverManifest? manifest = null;
        var good = Run("manifest", DriverPhase.Manifest, () => manifest = DriverVerifier.ReadManifest(folder), report);
        if (manifest is null)
            return null;
        var driver = new VerifiedDriver(folder, manifest);
        foreach (var check in DriverVerifier.Checks(driver, options))
            good &= Run(check.Name, DriverPhase.Verify, check.Run, report);
        if (!load)
            return driver;
        if (good)
            Load(driver, options, report);
        else
            report(new DriverCheckResult("load", DriverPhase.Load, DriverCheckState.Skipped, null, "No code of a driver runs that isn't what its manifest says."));
        return driver;
    }

    /// <summary>Loads and describes one folder outside of any catalog. Throws <see cref="DriverRejectedException"/>.</summary>
    public static (DriverManifest Manifest, DriverDescriptor Descriptor) Describe(DriverFolder folder, DriverVolumeOptions options)
    {
        var manifest = DriverVerifier.ReadManifest(folder);
        var verified = DriverVerifier.Verify(folder, manifest, options);
        var activator = new DriverActivator(verified, options.DescribeTimeout, TimeProvider.System);
        return (manifest, activator.Activate(activator.Load(new DriverLoadContext(verified, options, collectible: false))).Descriptor);
    }

    private static void Load(VerifiedDriver driver, DriverVolumeOptions options, Action<DriverCheckResult> report)
    {
        var alive = Activate(driver, options, report);
        // Best effort: a thread that hangs in Describe() keeps its context, and the check before has said so.
        for (var i = 0; alive.IsAlive && i < 10; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        report(alive.IsAlive
            ? new DriverCheckResult("unload", DriverPhase.Activate, DriverCheckState.Skipped, null, "Something of the driver is still in use (a static, a thread or a timer); it goes with the process. The host doesn't unload drivers while it runs.")
            : new DriverCheckResult("unload", DriverPhase.Activate, DriverCheckState.Passed, null, null));
    }

    // Not inlined, so that no local of it keeps the context alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Activate(VerifiedDriver driver, DriverVolumeOptions options, Action<DriverCheckResult> report)
    {
        var context = new DriverLoadContext(driver, options, collectible: true);
        var activator = new DriverActivator(driver, options.DescribeTimeout, TimeProvider.System);
        Type? entry = null;
        if (Run("load", DriverPhase.Load, () => entry = activator.Load(context), report))
            Run("describe", DriverPhase.Activate, () => activator.Activate(entry!), report);
        context.Unload();
        return new WeakReference(context);
    }

    private static bool Run(string name, DriverPhase phase, Action check, Action<DriverCheckResult> report)
    {
        DriverCheckResult result;
        try
        {
            check();
            result = new DriverCheckResult(name, phase, DriverCheckState.Passed, null, null);
        }
        catch (DriverRejectedException e)
        {
            result = new DriverCheckResult(name, e.Phase, DriverCheckState.Failed, e.Reason, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            result = new DriverCheckResult(name, phase, DriverCheckState.Failed, DriverRejectionReason.Unreadable, $"{e.Message} Give the host's user read access, and look at the check before this one.");
        }

        report(result);
        return result.State == DriverCheckState.Passed;
    }
}

/// <summary>How a check ended.</summary>
internal enum DriverCheckState
{
    Unknown = 0,
    Passed = 1,
    Failed = 2,
    Skipped = 3,
}

/// <summary>A check of a driver folder and how it ended.</summary>
internal sealed record DriverCheckResult(string Name, DriverPhase Phase, DriverCheckState State, DriverRejectionReason? Reason, string? Message);
