// What a pipeline does, step by step, without Jenkins: its code runs here as it is, and each step is
// noted down with its stage, its folder and the credentials around it. Nothing is done.
//
//     groovy jenkins.groovy LIBRARY BUILDS
//
// LIBRARY is the repository of a shared library, BUILDS a JSON list of pairs: a Jenkinsfile, and the
// variables that Jenkins sets for a build of it. The answer on standard output is a list as well.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration

class Pipeline extends Script {

    static final List<String> STEPS = ['sh', 'echo', 'unstable', 'stash', 'unstash', 'deleteDir', 'junit',
        'publishHTML', 'archiveArtifacts']
    static final List<String> VALUES = ['usernamePassword', 'string', 'file', 'logRotator', 'buildDiscarder',
        'disableConcurrentBuilds', 'cron', 'timeout', 'label']
    static final List<String> BLOCKS = ['pipeline', 'stages', 'script']
    static final List<String> KEPT = ['agent', 'parameters', 'options', 'triggers']

    static Map done
    static Map now
    static File library

    Object run() { null }

    Object methodMissing(String name, Object given) {
        List words = given as List
        if (name in STEPS) {
            done.steps << [step: name, stage: now.stage, section: now.section, folder: now.folder,
                           bound: now.bound.collect(), given: words ? words[0] : null]
        } else if (name in VALUES) {
            return [kind: name, given: words.size() == 1 ? words[0] : words]
        } else if (name in BLOCKS) {
            return words[0].call()
        } else if (name in KEPT) {
            done[name] = words[0].call()
        } else if (new File(library, "vars/${name}.groovy").file) {
            return load(new File(library, "vars/${name}.groovy"), binding).call(*words)
        } else {
            throw new MissingMethodException(name, getClass(), words as Object[])
        }
    }

    static Script load(File file, Binding binding) {
        CompilerConfiguration configuration = new CompilerConfiguration(scriptBaseClass: Pipeline.name)
        // The annotation is Jenkins' own.
        String text = file.text.replaceFirst(/(?m)^@Library\('trainwheel'\) _$/, '')
        new GroovyShell(Pipeline.classLoader, binding, configuration).parse(text, file.name.replace('.', '_'))
    }

    void environment(Closure body) {
        body.delegate = done.environment
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }

    void stage(String name, Closure body) {
        within(stage: name, runs: true, body)
    }

    void when(Closure body) { now.runs = body() }

    Object expression(Closure body) { body() as boolean }

    void steps(Closure body) { if (now.runs) { body() } }

    void post(Closure body) { if (now.runs) { body() } }

    void always(Closure body) { within(section: 'always', body) }

    void cleanup(Closure body) { within(section: 'cleanup', body) }

    void dir(String folder, Closure body) { within(folder: folder, body) }

    String pwd(Map options) { options.tmp ? '@tmp' : '' }

    void withCredentials(List bindings, Closure body) { within(bound: now.bound + bindings, body) }

    void withEnv(List variables, Closure body) {
        within(bound: now.bound + variables.collect { [kind: 'withEnv', given: it] }, body)
    }

    void error(String message) {
        done.error = message
        throw new InterruptedException(message)
    }

    private void within(Map changes, Closure body) {
        Map before = now
        now = now + changes
        body()
        now = before
    }

}

Pipeline.library = new File(args[0])
println JsonOutput.toJson(new JsonSlurper().parseText(args[1]).collect { String file, Map variables ->
    Pipeline.done = [steps: [], environment: [:], error: null]
    Pipeline.now = [stage: '', section: '', folder: '', bound: [], runs: true]
    Map build = [description: null]
    try {
        Pipeline.load(new File(file), new Binding(env: variables, currentBuild: build)).run()
    } catch (InterruptedException e) {
        assert e.message == Pipeline.done.error
    }
    Pipeline.done + build
})
