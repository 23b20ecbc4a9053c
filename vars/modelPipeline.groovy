// The pipeline of the Jenkinsfile as a step of a shared library, for many repositories: see
// modelPipeline.txt. Written by scripts/render_root.py, from the Jenkinsfile.
def call(Map given = [:]) {
    Map settings = [
        // The label of the agents; empty for any.
        agent: '',
        // Where releases go. Its credential has the same name, unless another is given here.
        index: 'nexus',
        credentials: '',
        // What the variables of the index begin with; empty for its name in capitals.
        prefix: '',
        // A credential that may read the index and no more, such as 'nexus-read'; empty where anyone may.
        readCredentials: '',
        // What opens the data and a cluster, such as string(credentialsId: 'sales', variable: 'SALES_TOKEN')
        // or file(credentialsId: 'dask-key', variable: 'TRAINWHEEL_DASK_KEY_FILE').
        trainCredentials: [],
        // The branch that publishes; empty for the one that Jenkins calls the primary branch.
        branch: '',
        cron: 'H 4 * * 1-5',
        hours: 2,
    ]
    List unknown = (given.keySet() - settings.keySet()) as List
    if (unknown) {
        String known = settings.keySet().join(', ')
        error 'modelPipeline does not know ' + unknown.join(', ') + ': it knows ' + known
    }
    settings += given

    // A job of one branch has no name for it. Of many branches the primary one publishes, and no change
    // request does: a branch source sets BRANCH_IS_PRIMARY for what the repository calls its default.
    boolean isChosen = settings.branch ? env.BRANCH_NAME == settings.branch : env.BRANCH_IS_PRIMARY == 'true'
    boolean publishes = !env.CHANGE_ID && (!env.BRANCH_NAME || isChosen)
    // Jenkins counts the builds of each branch: elsewhere the number would be lower than what is published.
    // Blank, it counts for nothing; to set it to nothing at all would only take it away.
    String number = publishes ? env.BUILD_NUMBER : ' '
    String prefix = settings.prefix ?: settings.index.toUpperCase().replace('-', '_')
    List publishing = [
        usernamePassword(
            credentialsId: settings.credentials ?: settings.index,
            usernameVariable: prefix + '_USERNAME',
            passwordVariable: prefix + '_PASSWORD'
        )
    ]
    List reading = settings.readCredentials ? [
        usernamePassword(
            credentialsId: settings.readCredentials,
            usernameVariable: prefix + '_READ_USERNAME',
            passwordVariable: prefix + '_READ_PASSWORD'
        )
    ] : []
    // Each of these steps asks for the version of the data, and trains again if it has moved.
    List training = settings.trainCredentials + reading

    pipeline {
        agent {
            label settings.agent
        }

        parameters {
            string(
                name: 'TRAINWHEEL_VERSION',
                defaultValue: '',
                trim: true,
                description: 'A version by name, such as 1.2.0; empty for the build number'
            )
        }

        options {
            buildDiscarder(logRotator(numToKeepStr: '30', artifactNumToKeepStr: '30'))
            disableConcurrentBuilds()
            timeout(time: settings.hours, unit: 'HOURS')
        }

        triggers {
            // Trains anew when the data has moved, and releases what passes the gate; else there is
            // nothing to do.
            cron(publishes ? settings.cron : '')
        }

        environment {
            CI = 'true'
            BUILD_NUMBER = "${number}"
            // With the index named, a missing credential is an error, never an upload to this disk.
            TRAINWHEEL_INDEX = "${settings.index}"
        }

        stages {
            stage('install') {
                steps {
                    script {
                        // A build that was cut short has not cleaned up.
                        sh(publishes ? 'git clean -ffdxq -e /.trainwheel/cache' : 'git clean -ffdxq')
                        if (!publishes) {
                            String why = env.CHANGE_ID ? 'a change request' : settings.branch ?
                                'not the branch ' + settings.branch : 'not called primary by the branch source'
                            currentBuild.description = 'Publishes nothing: ' + env.BRANCH_NAME + ' is ' + why
                            echo currentBuild.description
                            // Some branch sources call no branch primary: then no build would ever publish.
                            if (!env.CHANGE_ID && !settings.branch && env.BRANCH_NAME in ['main', 'master', 'trunk']) {
                                unstable 'If it is the one to publish, name it as branch in the settings of the pipeline'
                            }
                        }
                    }
                    sh 'make install'
                }
            }

            stage('check') {
                // What would fail after an hour of training fails here, in a minute: a credential, the place
                // that packages come from, a pointer of Git LFS in place of the data.
                steps {
                    withCredentials(publishes ? training + publishing : training) {
                        withEnv(publishes ? [] : ['TRAINWHEEL_INDEX=embedded']) {
                            sh '.venv/bin/python -I -m trainwheel doctor --ci'
                        }
                    }
                }
            }

            stage('command') {
                // What publishes is made before any code of the model runs, and kept by the controller.
                when {
                    expression { publishes }
                }
                steps {
                    sh '.venv/bin/trainwheel hand-over --command build/command'
                    sh 'readlink -f .venv/bin/python > build/command/python.txt'
                    stash name: 'command', includes: 'pyproject.toml,build/command/*.txt,build/command/*.whl'
                }
            }

            stage('doc') {
                steps {
                    sh 'make doc'
                }
            }

            stage('train') {
                steps {
                    withCredentials(training) {
                        sh 'make train'
                    }
                }
            }

            stage('test') {
                steps {
                    withCredentials(training) {
                        sh 'make test'
                    }
                }
            }

            stage('version.model') {
                steps {
                    withCredentials(training) {
                        sh 'make version.model'
                    }
                }
            }

            stage('prove.model') {
                // With each Python that the wheel is promised for and that this agent has.
                steps {
                    withCredentials(training) {
                        sh 'make prove.model'
                    }
                }
            }

            stage('package.model') {
                steps {
                    withCredentials(training) {
                        sh 'make package.model'
                    }
                }
            }

            stage('upload.model') {
                when {
                    expression { publishes }
                }
                options {
                    timeout(time: 30, unit: 'MINUTES')
                }
                steps {
                    dir(pwd(tmp: true) + '/publish') {
                        deleteDir()
                        unstash 'command'
                        sh 'cd "$WORKSPACE" && .venv/bin/trainwheel hand-over "$OLDPWD/handed-over"'
                        sh '''
                            "$(cat build/command/python.txt)" -I -m venv env
                            env/bin/python -I -m pip install --quiet --no-compile --no-deps \
                                --only-binary :all: --require-hashes \
                                --requirement build/command/requirements.txt
                            env/bin/python -I -m pip install --quiet --no-deps --no-index build/command/*.whl
                            env/bin/python -I -m pip check
                        '''
                        withCredentials(publishing) {
                            // With nothing to release, nothing was handed over.
                            sh '''
                                [ -d handed-over ] || exit 0
                                code=0
                                env/bin/python -I -m trainwheel upload --name "$(cat build/command/name.txt)" \
                                    handed-over/*.whl > upload.txt || code=$?
                                cat upload.txt
                                exit "$code"
                            '''
                        }
                        // Here the model's code runs: beside the password that reads, if there is one.
                        withCredentials(reading ?: publishing) {
                            sh '''
                                grep -qs '^published ' upload.txt || exit 0
                                env/bin/python -I -m trainwheel verify --proofs handed-over
                            '''
                        }
                    }
                }
                post {
                    cleanup {
                        dir(pwd(tmp: true) + '/publish') {
                            deleteDir()
                        }
                    }
                }
            }
        }

        post {
            always {
                junit testResults: 'build/test/junit.xml', allowEmptyResults: true
                // Each file by its kind: beside them lie the data and the held-out rows, which stay here.
                publishHTML([
                    reportName: 'Model report',
                    reportDir: 'build/report',
                    reportFiles: 'index.html',
                    includes: 'index.html,report.css',
                    keepAll: true,
                    alwaysLinkToLastBuild: true,
                    allowMissing: true
                ])
                publishHTML([
                    reportName: 'Model documentation',
                    reportDir: 'build/doc',
                    reportFiles: 'index.html',
                    includes: '**/*.html,*.js,_static/**,_images/**',
                    keepAll: true,
                    alwaysLinkToLastBuild: true,
                    allowMissing: true
                ])
                publishHTML([
                    reportName: 'Model coverage',
                    reportDir: 'build/test/coverage',
                    reportFiles: 'index.html',
                    includes: '*.html,*.css,*.js,*.png',
                    keepAll: true,
                    alwaysLinkToLastBuild: true,
                    allowMissing: true
                ])
                // Jenkins keeps the digest of each file, and tells in which builds it was seen.
                archiveArtifacts artifacts: 'build/dist/*.whl,build/dist/*.proof.json,build/dist/pylock.*.toml,build/dist/*.cdx.json,build/log/*.log,build/train/report.html', fingerprint: true, allowEmptyArchive: true
            }
            cleanup {
                script {
                    // What publishes keeps the results of its steps for its next run, and nothing else:
                    // whoever can write them can run code there, so no other branch may.
                    if (publishes) {
                        sh 'git clean -ffdxq -e /.trainwheel/cache'
                    } else {
                        deleteDir()
                    }
                }
            }
        }
    }
}
